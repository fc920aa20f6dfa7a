import type { Random } from './random.ts'

type Write<State> = (state: State) => void

/**
 * What a machine keeps over a crash: a state and the log of the writes that made it. A synchronous write is on the disk
 * when it returns, and all writes before it are; any other survives the end of the process, but not surely a power cut.
 */
export class Disk<State> {
  readonly #initial: () => State
  readonly #log: Write<State>[] = []
  #synced = 0
  #state: State

  constructor(initial: () => State) {
    this.#initial = initial
    this.#state = initial()
  }

  /** As the last write left it. Only to be read. */
  get state(): State {
    return this.#state
  }

  /** One transaction. */
  write(write: Write<State>, options: { readonly sync: boolean }): void {
    write(this.#state)
    this.#log.push(write)
    if (options.sync) this.#synced = this.#log.length
  }

  /** Loses some of the writes that were not yet on the disk: the log is written in order, so the newest of them. @returns how many */
  powerCut(random: Random): number {
    const kept = random.between(this.#synced, this.#log.length)
    const lost = this.#log.length - kept
    if (lost === 0) return 0
    this.#log.length = kept
    this.#synced = kept
    this.#state = this.#initial()
    for (const write of this.#log) write(this.#state)
    return lost
  }
}
