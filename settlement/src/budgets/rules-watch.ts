import type { Listener } from '../db/listen.ts'
import type { SettlementStore } from '../db/store.ts'
import { RULES_CHANNEL } from './rules-rows.ts'

/** On PGlite, and while PostgreSQL tells nothing: well within the second in which a change is to count. */
const POLL_MS = 500
/** For what was told while a connection had broken and nobody had noticed. */
const TOLD_POLL_MS = 5_000
/** Each waits with a request that is under way, of which a process takes a thousand; the others ask again. */
const WAITING_MAX = 300

interface Waiter {
  readonly organization: string
  readonly after: string
  readonly wake: () => void
}

/** Lets gateways wait for the rules of their organization to change, in whichever process that happens. */
export class RulesWatch implements AsyncDisposable {
  readonly #store: SettlementStore
  readonly #waiting = new Set<Waiter>()
  readonly #listener: Listener | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(store: SettlementStore) {
    this.#store = store
    // PGlite's methods are all sent to its thread; it has no other process to hear of.
    const isShared = store.kind === 'postgres'
    this.#listener = !isShared
      ? undefined
      : store.listen?.(RULES_CHANNEL, (organization) => this.#wake(organization))
  }

  /** Whoever waits has an answer now, and nobody waits any more. */
  stop(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    for (const waiter of this.#waiting) waiter.wake()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop()
    await this.#listener?.[Symbol.asyncDispose]()
  }

  /** Until the revision is another one than `after`, for `waitMs` at most, or until `signal` aborts. */
  async changed(
    organization: string,
    after: string,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#isClosed || this.#waiting.size >= WAITING_MAX || signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const waiter = { organization, after, wake: resolve }
    const timer = setTimeout(resolve, waitMs)
    signal.addEventListener('abort', () => resolve(), { once: true })
    this.#waiting.add(waiter)
    // It may have changed between being read and now: then nobody tells of it again.
    this.#pollIn(0)
    await promise
    clearTimeout(timer)
    this.#waiting.delete(waiter)
  }

  #wake(organization: string): void {
    for (const waiter of this.#waiting) if (waiter.organization === organization) waiter.wake()
  }

  #pollIn(ms: number): void {
    if (this.#isClosed || (this.#timer !== undefined && ms > 0)) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#poll()
        .catch(() => undefined)
        .finally(() => {
          this.#timer = undefined
          const isTold = this.#listener?.isListening === true
          if (this.#waiting.size > 0) this.#pollIn(isTold ? TOLD_POLL_MS : POLL_MS)
        })
    }, ms)
    this.#timer.unref()
  }

  async #poll(): Promise<void> {
    const organizations = [...new Set([...this.#waiting].map((one) => one.organization))]
    if (organizations.length === 0) return
    const revisions = await this.#store.rulesRevisions(organizations)
    for (const { organization, after, wake } of this.#waiting)
      if ((revisions[organization] ?? '0') !== after) wake()
  }
}
