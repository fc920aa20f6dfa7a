import { STATEMENTS_MAX, writeStatements, writeSubmissions } from '@hanse/settlement/rules'
import type { Host } from '../kernel/index.ts'
import type { DueSubmission, SessionStore } from './session-store.ts'
import type { SubmissionResult } from './settlement.ts'
import type { DueStatement } from './statement-book.ts'
import type { World } from './world.ts'

/** As many as node sends in one request. */
const BATCH_MAX = 200
/** Refusals that end when somebody binds the peer. */
const MAY_CHANGE = new Set([
  'HANSE_PROVIDER_UNKNOWN',
  'HANSE_CONSUMER_UNKNOWN',
  'HANSE_RECEIPT_EARLY',
])
/** A statement before it has not arrived yet. */
const STATEMENT_MAY_CHANGE = new Set(['HANSE_STATEMENT_PREVIOUS', ...MAY_CHANGE])
const REQUEST_MS = 10_000
/** How often the store is looked at for submissions whose time to retry has come. */
const POLL_MS = 500

/** Sends the last receipt of every ended session to settlement until it is acknowledged. */
export class Outbox {
  readonly #world: World
  readonly #host: Host
  readonly #store: SessionStore
  readonly #honest: boolean
  #running = false

  constructor(world: World, host: Host, store: SessionStore, honest: boolean) {
    this.#world = world
    this.#host = host
    this.#store = store
    this.#honest = honest
  }

  flush(): void {
    if (this.#running) return
    const stated = this.#store.statements.due(this.#host.now(), STATEMENTS_MAX)
    if (stated.length > 0) {
      this.#sendStatements(stated)
      return
    }
    const due = this.#store.dueSubmissions(this.#host.now(), BATCH_MAX)
    if (due.length === 0) {
      this.#waitForNext()
      return
    }
    this.#running = true
    const { settlement, network } = this.#world
    const body = writeSubmissions(due)
    for (const submission of due) this.#world.seen.push(submission)
    const server = settlement.host()
    network.call(
      this.#host,
      server,
      () => settlement.receipts(server, body),
      REQUEST_MS,
      (results) => {
        this.#running = false
        this.#apply(due, results)
        this.flush()
      },
    )
  }

  #sendStatements(due: readonly DueStatement[]): void {
    this.#running = true
    const { settlement, network } = this.#world
    const body = writeStatements(due)
    const server = settlement.host()
    network.call(
      this.#host,
      server,
      () => settlement.statements(server, body),
      REQUEST_MS,
      (results) => {
        this.#running = false
        const now = this.#host.now()
        for (const [i, { cid }] of due.entries()) {
          this.#host.point()
          const result = results?.[i]
          if (result === undefined) this.#store.statements.failed(cid, now)
          else if (result.status !== 'rejected') this.#store.statements.acknowledged(cid)
          else if (STATEMENT_MAY_CHANGE.has(result.code)) this.#store.statements.failed(cid, now)
          else this.#store.statements.refused(cid, result.code)
        }
        this.flush()
      },
    )
  }

  #apply(due: readonly DueSubmission[], results: readonly SubmissionResult[] | undefined): void {
    const now = this.#host.now()
    for (const [i, { session, sequence, order }] of due.entries()) {
      this.#host.point()
      const result = results?.[i]
      if (result === undefined) this.#store.submissionFailed(session, now)
      else if (result.status !== 'rejected') this.#store.submissionDone(session, sequence)
      else if (MAY_CHANGE.has(result.code)) this.#store.submissionFailed(session, now)
      else this.#store.submissionRefused(session, sequence, result.code)
      if (result?.status === 'rejected' && result.by === 'bytes' && this.#honest)
        this.#world.monitor.refuses(order, session, sequence, result.code)
    }
  }

  /** In place of looking twice a second: nothing becomes due in between. */
  #waitForNext(): void {
    const next = this.#store.nextAttempt()
    if (next !== undefined)
      this.#host.after(Math.max(POLL_MS, next - this.#host.now()), () => this.flush())
  }
}
