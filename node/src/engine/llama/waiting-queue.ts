interface Waiter<T> {
  readonly give: (item: T) => void
}

/** Lends out a fixed set of items; who finds none waits in line. */
export class WaitingQueue<T> {
  readonly #free: T[]
  readonly #waiters: Waiter<T>[] = []

  constructor(items: T[]) {
    this.#free = [...items]
  }

  get waiting(): number {
    return this.#waiters.length
  }

  /** @throws the signal's reason, and then the place in line is given up. */
  async take(signal: AbortSignal): Promise<T> {
    signal.throwIfAborted()
    const item = this.#free.pop()
    if (item !== undefined) return item
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const waiter: Waiter<T> = { give: resolve }
    const onAbort = (): void => {
      const at = this.#waiters.indexOf(waiter)
      if (at >= 0) this.#waiters.splice(at, 1)
      reject(signal.reason)
    }
    this.#waiters.push(waiter)
    signal.addEventListener('abort', onAbort)
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  giveBack(item: T): void {
    const next = this.#waiters.shift()
    if (next === undefined) this.#free.push(item)
    else next.give(item)
  }
}
