import type { Stream } from '@libp2p/interface'

export interface WatchOptions {
  /** For the first byte, or the peer's end. Every protocol here begins with the peer that opened the stream. */
  readonly firstByteMs: number
  /** For the stream to close once it was served. */
  readonly lingerMs: number
}

// A request leaves in the same tick as its stream; ten round trips of a satellite link fit in.
const DEFAULTS: WatchOptions = { firstByteMs: 15_000, lingerMs: 10_000 }

/** Cuts a stream whose peer opens it and then does nothing. What comes after the first byte has timers of its own. */
export class StreamWatch {
  readonly #stream: Stream
  readonly #options: WatchOptions
  #timer: NodeJS.Timeout | undefined

  constructor(stream: Stream, options: Partial<WatchOptions> = {}) {
    this.#stream = stream
    this.#options = { ...DEFAULTS, ...options }
    if (stream.status !== 'open' || stream.readableEnded || stream.readBufferLength > 0) return
    const stop = (): void => clearTimeout(this.#timer)
    for (const event of ['message', 'end', 'close'] as const)
      stream.addEventListener(event, stop, { once: true })
    this.#cutAfter(this.#options.firstByteMs, 'nothing came')
  }

  /** The handler is through: the peer has a moment to close its side. */
  served(): void {
    clearTimeout(this.#timer)
    if (isOver(this.#stream)) return
    this.#stream.addEventListener('close', () => clearTimeout(this.#timer), { once: true })
    this.#cutAfter(this.#options.lingerMs, 'left open by the peer')
  }

  #cutAfter(ms: number, why: string): void {
    this.#timer = setTimeout(() => this.#stream.abort(new Error(why)), ms)
    this.#timer.unref()
  }
}

/** Runs `then` once the stream is closed, which a stream that is closed already does not announce. */
export function whenClosed(stream: Stream, then: () => void): void {
  if (isOver(stream)) then()
  else stream.addEventListener('close', then, { once: true })
}

function isOver({ status }: Stream): boolean {
  return status === 'closed' || status === 'aborted' || status === 'reset'
}
