/** Carries what a callback hands over to one reader, all that is there at a time. */
export class EventQueue<T> {
  readonly #roomMax: number
  #items: T[] = []
  #closed = false
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined
  #room: (() => void)[] = []

  /** @param roomMax items from which on `room` waits for the reader */
  constructor(roomMax = Number.POSITIVE_INFINITY) {
    this.#roomMax = roomMax
  }

  push(...items: T[]): void {
    this.#items.push(...items)
    this.#wake?.()
  }

  close(): void {
    this.#closed = true
    this.#wake?.()
    this.#letIn()
  }

  /** The reader gets what is there, and then this error. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.close()
  }

  /** Resolves when the reader has caught up, or will not read any more. */
  async room(): Promise<void> {
    while (this.#items.length >= this.#roomMax && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#room.push(resolve)
      })
    }
  }

  /** At least one item; `undefined` when closed and empty. @throws what `fail` was given. */
  async next(): Promise<T[] | undefined> {
    while (this.#items.length === 0) {
      if (this.#failure !== undefined) throw this.#failure.error
      if (this.#closed) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const items = this.#items
    this.#items = []
    this.#letIn()
    return items
  }

  #letIn(): void {
    for (const enter of this.#room.splice(0)) enter()
  }
}
