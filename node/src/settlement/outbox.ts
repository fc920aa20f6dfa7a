import type { NodeStore, Submission } from '../store/node-store.ts'
import type { SubmissionResult } from './settlement-client.ts'

export interface OutboxOptions {
  readonly store: NodeStore
  readonly submit: (submissions: readonly Submission[]) => Promise<SubmissionResult[]>
  readonly now: () => number
  readonly onResult?: (submission: Submission, result: SubmissionResult) => void
  /** Settlement could not be reached; it will be tried again. */
  readonly onFailure?: (error: unknown) => void
}

/** Settlement takes 500 receipts in one request. */
const BATCH_MAX = 200
/** Refusals that end when somebody binds the peer; all others would be repeated for ever. */
const MAY_CHANGE = new Set(['HANSE_PROVIDER_UNKNOWN', 'HANSE_CONSUMER_UNKNOWN'])
/** How often the store is looked at for submissions whose time to retry has come. */
const POLL_MS = 500

/** Sends the last receipt of every ended session to settlement until it is acknowledged, over crashes and outages. */
export class Outbox implements AsyncDisposable {
  readonly #options: OutboxOptions
  readonly #timer: NodeJS.Timeout
  #running: Promise<void> | undefined
  #stopped = false

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.flush(), POLL_MS)
  }

  /** Sends what is due now; never rejects. */
  async flush(): Promise<void> {
    if (this.#stopped) return
    this.#running ??= this.#sendDue().finally(() => {
      this.#running = undefined
    })
    await this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
    this.#stopped = true
  }

  async #sendDue(): Promise<void> {
    const { store, now } = this.#options
    for (;;) {
      const due = store.dueSubmissions(now(), BATCH_MAX)
      if (due.length === 0 || !(await this.#send(due))) return
    }
  }

  async #send(due: readonly Submission[]): Promise<boolean> {
    const { store, submit, now, onResult, onFailure } = this.#options
    try {
      const results = await submit(due)
      for (const [i, submission] of due.entries()) {
        const result = results[i]
        if (result === undefined) continue
        if (result.status === 'rejected' && MAY_CHANGE.has(result.code))
          store.submissionFailed(submission.session, now())
        else if (result.status === 'rejected')
          store.submissionRefused(submission.session, submission.sequence, result.code)
        else store.submissionDone(submission.session, submission.sequence)
        onResult?.(submission, result)
      }
      return true
    } catch (error) {
      for (const { session } of due) store.submissionFailed(session, now())
      onFailure?.(error)
      return false
    }
  }
}
