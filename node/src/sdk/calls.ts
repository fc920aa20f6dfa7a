/** A request that runs. */
export interface Call {
  /** Aborted when its caller gives up, or everything ends. */
  readonly signal: AbortSignal
  abort(): void
  /** Nothing of it runs any more. */
  end(): void
}

/** The last receipts of a cancelled session travel within a round trip; a provider that is gone is not waited for. */
const CLOSE_MS = 3_000

/** The requests that run now, so that they can be ended together. */
export class Calls {
  readonly #running = new Set<AbortController>()
  #closed = false
  #whenNone: (() => void) | undefined

  /** @param given the caller's own signal */
  begin(given?: AbortSignal | null): Call {
    const controller = new AbortController()
    const { signal } = controller
    const onAbort = (): void => controller.abort(given?.reason)
    given?.addEventListener('abort', onAbort, { once: true })
    if (given?.aborted === true || this.#closed) onAbort()
    this.#running.add(controller)
    return {
      signal,
      abort: () => controller.abort(),
      end: () => {
        given?.removeEventListener('abort', onAbort)
        this.#running.delete(controller)
        if (this.#running.size === 0) this.#whenNone?.()
      },
    }
  }

  /** Ends all calls, and waits a little while they do. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#running.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#whenNone = resolve
    for (const controller of this.#running) controller.abort()
    const timer = setTimeout(resolve, CLOSE_MS)
    await promise
    clearTimeout(timer)
  }
}
