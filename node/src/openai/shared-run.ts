import type { LiveAnswer } from './live-answer.ts'

/**
 * One run of a request that several may wait for: each reads the whole answer from its beginning, at its own pace, and the
 * run is cancelled when nobody waits for it any more.
 */
export class SharedRun {
  readonly #abort = new AbortController()
  readonly #live: Promise<LiveAnswer>
  readonly #pieces: Uint8Array[] = []
  readonly #onEnd: (whole: boolean, bytes: number) => void
  #source: AsyncIterator<Uint8Array> | undefined
  #pulling: Promise<void> | undefined
  #failed: unknown
  #ended = false
  #waiting = 0
  #bytes = 0

  /**
   * @param onEnd called once: whether the answer is whole and may be given to others, and how much it takes
   */
  constructor(
    run: (signal: AbortSignal) => Promise<LiveAnswer>,
    onEnd: (whole: boolean, bytes: number) => void,
  ) {
    this.#onEnd = onEnd
    this.#live = run(this.#abort.signal)
    this.#live.then(
      ({ body }) => {
        if (!(body instanceof Uint8Array)) this.#source = body[Symbol.asyncIterator]()
        else this.#end(true, body.byteLength)
      },
      () => this.#end(false),
    )
  }

  /** Bytes that are held for readers. */
  get bytes(): number {
    return this.#bytes
  }

  /** @throws {HanseError} why there is no answer; {DOMException} when the signal is aborted before it has begun */
  async join(signal: AbortSignal): Promise<LiveAnswer> {
    let left = false
    this.#waiting++
    const leave = (): void => {
      if (left) return
      left = true
      signal.removeEventListener('abort', leave)
      this.#waiting--
      if (this.#waiting === 0 && !this.#ended) this.#cancel()
    }
    signal.addEventListener('abort', leave, { once: true })
    if (signal.aborted) leave()
    try {
      const live = await this.#live
      if (live.body instanceof Uint8Array) leave()
      else return { ...live, body: this.#read(signal, leave) }
      return live
    } catch (error) {
      leave()
      throw error
    }
  }

  async *#read(signal: AbortSignal, leave: () => void): AsyncGenerator<Uint8Array> {
    try {
      for (let at = 0; ; at++) {
        while (at >= this.#pieces.length && !this.#ended) await this.#pull()
        signal.throwIfAborted()
        const piece = this.#pieces[at]
        if (piece !== undefined) yield piece
        else if (this.#failed === undefined) return
        else throw this.#failed
      }
    } finally {
      leave()
    }
  }

  /** The fastest reader sets the pace. */
  async #pull(): Promise<void> {
    this.#pulling ??= this.#pullOne().finally(() => {
      this.#pulling = undefined
    })
    await this.#pulling
  }

  async #pullOne(): Promise<void> {
    try {
      const next = await this.#source?.next()
      if (next === undefined || next.done === true) {
        const { isWhole } = await this.#live
        this.#end(isWhole())
        return
      }
      this.#pieces.push(next.value)
      this.#bytes += next.value.byteLength
    } catch (error) {
      this.#failed = error
      this.#end(false)
    }
  }

  /** Nobody waits any more. */
  #cancel(): void {
    this.#abort.abort()
    this.#end(false)
    this.#source?.return?.().catch(() => {})
  }

  #end(whole: boolean, bytes = this.#bytes): void {
    if (this.#ended) return
    this.#ended = true
    this.#bytes = bytes
    this.#onEnd(whole, bytes)
  }
}
