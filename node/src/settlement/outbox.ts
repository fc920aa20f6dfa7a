import type { NodeStore, Submission } from '../store/node-store.ts'
import type { StatementSubmission } from '../store/statement-store.ts'
import type { StatementResult, SubmissionResult } from './settlement-client.ts'

/** Where receipts and Statements are turned into money. */
export interface Settler {
  submit(submissions: readonly Submission[]): Promise<SubmissionResult[]>
  submitStatements(statements: readonly StatementSubmission[]): Promise<StatementResult[]>
}

export interface OutboxOptions {
  readonly store: NodeStore
  readonly settler: Settler
  readonly now: () => number
  readonly onStatement?: (submission: StatementSubmission, result: StatementResult) => void
  readonly onResult?: (submission: Submission, result: SubmissionResult) => void
  /** Settlement could not be reached, or its answer not be kept; it will be tried again. */
  readonly onFailure?: (error: unknown) => void
}

/** Settlement takes 500 receipts in one request. */
const BATCH_MAX = 200
/** Refusals that end when somebody binds the peer, or by themselves; all others would be repeated for ever. */
const MAY_CHANGE = new Set([
  'HANSE_PROVIDER_UNKNOWN',
  'HANSE_CONSUMER_UNKNOWN',
  'HANSE_RECEIPT_EARLY',
])
/** Settlement takes 20 statements in one request, of a thousand sessions each. */
const STATEMENTS_MAX = 20
/** A statement before it has not arrived yet, or somebody is to be bound: then it will be taken. */
const STATEMENT_MAY_CHANGE = new Set(['HANSE_STATEMENT_PREVIOUS', ...MAY_CHANGE])
/** How often the store is looked at for submissions whose time to retry has come. */
const POLL_MS = 500

/** Tells settlement of every ended session, by its Statement or its last receipt, until that is acknowledged. */
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
    this.#running ??= this.#sendDue()
      // The store itself, on a full disk: what settlement has answered is told again, and changes nothing then.
      .catch((error: unknown) => this.#options.onFailure?.(error))
      .finally(() => {
        this.#running = undefined
      })
    await this.#running
  }

  /** Tells what is left, also what would have waited for a Statement. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#running
    try {
      this.#options.store.statements.releaseWaiting()
    } catch (error) {
      this.#options.onFailure?.(error)
    }
    await this.flush()
    this.#stopped = true
  }

  async #sendDue(): Promise<void> {
    const { store, now } = this.#options
    for (;;) {
      const due = store.statements.due(now(), STATEMENTS_MAX)
      if (due.length === 0) break
      if (!(await this.#sendStatements(due))) return
    }
    for (;;) {
      const due = store.dueSubmissions(now(), BATCH_MAX)
      if (due.length === 0 || !(await this.#send(due))) return
    }
  }

  async #sendStatements(due: readonly StatementSubmission[]): Promise<boolean> {
    const { store, settler, now, onStatement, onFailure } = this.#options
    try {
      const results = await settler.submitStatements(due)
      for (const [i, submission] of due.entries()) {
        const result = results[i]
        if (result === undefined) continue
        const { cid } = submission
        if (result.status !== 'rejected') {
          // A session that it was not booked for is told of by its receipt, which gets an answer of its own.
          store.statements.acknowledged(
            cid,
            result.refused.map(({ session }) => session),
          )
        } else if (STATEMENT_MAY_CHANGE.has(result.code)) store.statements.failed(cid, now())
        else store.statements.refused(cid, result.code)
        onStatement?.(submission, result)
      }
      return true
    } catch (error) {
      for (const { cid } of due) store.statements.failed(cid, now())
      onFailure?.(error)
      return false
    }
  }

  async #send(due: readonly Submission[]): Promise<boolean> {
    const { store, settler, now, onResult, onFailure } = this.#options
    try {
      const results = await settler.submit(due)
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
