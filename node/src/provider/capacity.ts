/** Counts the slots of each model. */
export class Capacity {
  readonly #free: Map<string, number>

  constructor(slots: ReadonlyMap<string, number>) {
    this.#free = new Map(slots)
  }

  free(model: string): number {
    return this.#free.get(model) ?? 0
  }

  /** Takes a slot. @returns how to give it back, once; `undefined` when all are busy */
  take(model: string): (() => void) | undefined {
    const free = this.free(model)
    if (free <= 0) return undefined
    this.#free.set(model, free - 1)
    let taken = true
    return () => {
      if (taken) this.#free.set(model, this.free(model) + 1)
      taken = false
    }
  }
}
