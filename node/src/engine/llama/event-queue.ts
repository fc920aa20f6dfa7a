/** Carries what a callback hands over to one reader, all that is there at a time. */
export class EventQueue<T> {
  #items: T[] = []
  #closed = false
  #wake: (() => void) | undefined

  push(...items: T[]): void {
    this.#items.push(...items)
    this.#wake?.()
  }

  close(): void {
    this.#closed = true
    this.#wake?.()
  }

  /** At least one item; `undefined` when closed and empty. */
  async next(): Promise<T[] | undefined> {
    while (this.#items.length === 0) {
      if (this.#closed) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const items = this.#items
    this.#items = []
    return items
  }
}
