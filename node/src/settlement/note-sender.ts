import type { SessionNote } from '@hanse/protocol'
import type { NoteStore } from '../store/note-store.ts'

export interface NoteSenderOptions {
  readonly notes: Pick<NoteStore, 'due' | 'told' | 'failed'>
  /** Resolves when settlement has taken them. */
  readonly send: (notes: readonly SessionNote[]) => Promise<void>
  readonly now: () => number
  /** Settlement could not be reached, or does not take them; they will be told again. */
  readonly onFailure?: (error: unknown) => void
}

/** Nobody waits for a note: together they are few requests. */
const EVERY_MS = 5_000

/** Tells settlement whom sessions were for and how long they took, once it has acknowledged them. */
export class NoteSender implements AsyncDisposable {
  readonly #options: NoteSenderOptions
  readonly #timer: NodeJS.Timeout
  #running: Promise<void> | undefined

  constructor(options: NoteSenderOptions, everyMs = EVERY_MS) {
    this.#options = options
    this.#timer = setInterval(() => void this.flush(), everyMs)
  }

  /** Tells what is due now; never rejects. */
  async flush(): Promise<void> {
    this.#running ??= this.#sendDue()
      // The store itself, on a full disk: what was told is told again, and changes nothing then.
      .catch((error: unknown) => this.#options.onFailure?.(error))
      .finally(() => {
        this.#running = undefined
      })
    await this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#running
    await this.flush()
  }

  async #sendDue(): Promise<void> {
    const { notes, send, now, onFailure } = this.#options
    for (;;) {
      const due = notes.due(now())
      if (due.length === 0) return
      const sessions = due.map(({ session }) => session)
      try {
        await send(due)
      } catch (error) {
        notes.failed(sessions, now())
        onFailure?.(error)
        return
      }
      notes.told(sessions)
    }
  }
}
