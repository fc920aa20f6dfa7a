import { Deadline } from './deadline.ts'
import type { FrameStream } from './frame-stream.ts'

export interface SessionLinkHandlers {
  /** One frame, decoded or not by whoever gets it. */
  readonly onFrame: (bytes: Uint8Array) => void
  /** No more will come: the peer ended, vanished or was cut; a session cannot tell which. */
  readonly onClosed: () => void
  /** Waited for between reads, so that a slow consumer of the frames slows the peer down. */
  readonly drained?: () => Promise<void>
}

/** Time for the last frames to leave before the stream is cut. */
const CLOSE_MS = 2_000

/** What both ends of a session need around their state machine: frames in, frames out, timers, and an end. */
export class SessionLink<Timer extends string> {
  readonly frames: FrameStream
  readonly #handlers: SessionLinkHandlers
  readonly #timers = new Map<Timer, NodeJS.Timeout>()
  #ended = false

  constructor(frames: FrameStream, handlers: SessionLinkHandlers) {
    this.frames = frames
    this.#handlers = handlers
  }

  /** Hands over frames until the link is ended or the stream is. Never rejects. */
  async read(): Promise<void> {
    try {
      for (;;) {
        const batch = await this.frames.readBatch()
        if (batch === undefined) break
        for (const bytes of batch) this.#handlers.onFrame(bytes)
        if (this.#ended) return
        await this.#handlers.drained?.()
      }
    } catch {
      // A reset, a cut frame and a fault of ours all leave a session that cannot go on.
    }
    this.#handlers.onClosed()
  }

  send(frame: Uint8Array): void {
    try {
      this.frames.write(frame)
    } catch {
      // The stream is gone; the reading side sees it too and ends the session.
    }
  }

  /** Starts a timer, in place of the one of this name that runs. */
  setTimer(timer: Timer, ms: number, fire: () => void): void {
    this.clearTimer(timer)
    this.#timers.set(timer, setTimeout(fire, ms))
  }

  clearTimer(timer: Timer): void {
    clearTimeout(this.#timers.get(timer))
  }

  /**
   * Stops timers and reading, and sends what is queued. A clean end leaves the peer's side to the peer; any other cuts it,
   * for a peer that was refused might keep its side open. Never rejects.
   */
  async end(clean: boolean): Promise<void> {
    this.#ended = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
    using deadline = new Deadline(CLOSE_MS)
    try {
      await this.frames.end({ signal: deadline.signal })
      if (!clean) this.frames.abort(new Error('session ended'))
    } catch {
      this.frames.abort(new Error('session ended'))
    }
  }
}
