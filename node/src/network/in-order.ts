/** A step that is done when it returns, or when its promise resolves. */
export type StepToTake = () => Promise<void> | undefined

/**
 * Takes steps at once, in their order; while one waits, as for the disk, those after it wait behind it. A session sends
 * nothing before what it rests on is kept.
 */
export class InOrder {
  readonly #onFault: (fault: unknown) => void
  #waiting: StepToTake[] | undefined

  /** @param onFault a step that waited has failed: those behind it are not taken */
  constructor(onFault: (fault: unknown) => void) {
    this.#onFault = onFault
  }

  /** @throws what the step throws, where it is taken at once */
  take(step: StepToTake): void {
    if (this.#waiting !== undefined) {
      this.#waiting.push(step)
      return
    }
    const done = step()
    if (done !== undefined) void this.#holdBack(done)
  }

  async #holdBack(done: Promise<void>): Promise<void> {
    const waiting: StepToTake[] = []
    this.#waiting = waiting
    try {
      await done
      for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
        const more = step()
        if (more !== undefined) await more
      }
    } catch (fault) {
      this.#waiting = undefined
      this.#onFault(fault)
      return
    }
    this.#waiting = undefined
  }
}
