/**
 * A signal that is aborted after a while, or with another one. Unlike `AbortSignal.timeout` it leaves no timer behind, and no
 * error is made, once it is disposed of: at a thousand requests a second that is most of what such signals cost.
 */
export class Deadline implements Disposable {
  readonly #abort = new AbortController()
  readonly #timer: ReturnType<typeof setTimeout>
  readonly #other: AbortSignal | undefined
  readonly #onAbort = (): void => this.#abort.abort(this.#other?.reason)

  constructor(ms: number, other?: AbortSignal) {
    this.#other = other
    this.#timer = setTimeout(
      () => this.#abort.abort(new DOMException('not in time', 'TimeoutError')),
      ms,
    )
    other?.addEventListener('abort', this.#onAbort)
    if (other?.aborted === true) this.#onAbort()
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#other?.removeEventListener('abort', this.#onAbort)
  }
}
