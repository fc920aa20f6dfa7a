/**
 * Hands payloads from the session to one reader, in order. `push` says when the reader is behind, so that the session stops
 * reading from the network.
 */
export class PayloadQueue implements AsyncIterable<readonly Uint8Array[]> {
  #waiting: Uint8Array[] = []
  #bytes = 0
  #ended = false
  #error: Error | undefined
  #wakeReader: (() => void) | undefined
  #wakeWriter: (() => void) | undefined
  readonly #bytesMax: number

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  push(payloads: readonly Uint8Array[]): void {
    for (const payload of payloads) {
      this.#waiting.push(payload)
      this.#bytes += payload.byteLength
    }
    this.#wakeReader?.()
  }

  /** Resolves when the reader has caught up, or nobody will read any more. */
  async drained(): Promise<void> {
    while (this.#bytes > this.#bytesMax && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve
      })
    }
  }

  /** Nothing more comes: the reader gets what is left, then the end or `error`. */
  close(error?: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#error = error
    this.#wakeReader?.()
    this.#wakeWriter?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly Uint8Array[]> {
    for (;;) {
      if (this.#waiting.length > 0) {
        const payloads = this.#waiting
        this.#waiting = []
        this.#bytes = 0
        this.#wakeWriter?.()
        yield payloads
        continue
      }
      if (this.#ended) {
        if (this.#error !== undefined) throw this.#error
        return
      }
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve
      })
    }
  }
}
