import { setImmediate as nextTurn } from 'node:timers/promises'
import type { PrivacyStore } from '../store/privacy-store.ts'
import type { SpendStore } from '../store/spend-store.ts'

/** How long each kind of data is kept, days; 0 keeps it until it is removed by hand. */
export interface RetentionTerms {
  /** Bodies of requests. */
  readonly requests: number
  /** What opens commitments to requests and answers. */
  readonly openings: number
  /** Which key a session was on, and its tags. */
  readonly metadata: number
}

/** What a run removed, by kind. */
export type Removed = Readonly<Record<keyof RetentionTerms, number>>

export interface RetentionRun {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly removed: Removed
}

export interface RetentionOptions {
  readonly terms: RetentionTerms
  readonly now: () => number
  readonly onRun?: (run: RetentionRun) => void
  readonly onFailure?: (error: unknown) => void
}

export const DAY_MS = 86_400_000
/** So that a run is due soon after a day has passed, and also where a machine sleeps. */
const LOOK_EVERY_MS = 60 * 60_000
/** Shown of runs; all are kept. */
const RUNS_SHOWN = 31

/** Removes once a day what was kept long enough, and says what it removed. Receipts are accounting, and stay. */
export class Retention implements AsyncDisposable {
  readonly #privacy: PrivacyStore
  readonly #spend: SpendStore
  readonly #options: RetentionOptions
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(privacy: PrivacyStore, spend: SpendStore, options: RetentionOptions) {
    this.#privacy = privacy
    this.#spend = spend
    this.#options = options
  }

  get terms(): RetentionTerms {
    return this.#options.terms
  }

  /** Newest first. */
  runs(): RetentionRun[] {
    return this.#privacy
      .runs(RUNS_SHOWN)
      .map(({ at, removed }) => ({ at, removed: JSON.parse(removed) as Removed }))
  }

  /** Runs now, and then once a day. */
  start(): void {
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS).unref()
    this.#begin()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    await this.#running
  }

  /** Removes what is due, some of it at a time, so that requests are not held up. */
  async run(): Promise<RetentionRun> {
    const { terms, now } = this.#options
    const at = now()
    const cutOff = (days: number) => (days === 0 ? -Infinity : at - days * DAY_MS)
    const removed: Removed = {
      requests: await this.#all(cutOff(terms.requests), (before) =>
        this.#privacy.removeOpenings('bodies', before),
      ),
      openings: await this.#all(cutOff(terms.openings), (before) =>
        this.#privacy.removeOpenings('openings', before),
      ),
      metadata: await this.#all(cutOff(terms.metadata), (before) => this.#spend.anonymise(before)),
    }
    if (Object.values(removed).some((count) => count > 0)) this.#privacy.forgetChanges()
    this.#privacy.addRun({ at, removed: JSON.stringify(removed) })
    const run = { at, removed }
    this.#options.onRun?.(run)
    return run
  }

  async #all(
    before: number,
    remove: (before: number) => { readonly removed: number; readonly more: boolean },
  ): Promise<number> {
    let sum = 0
    for (let more = before > 0; more && !this.#isClosed; ) {
      const part = remove(before)
      sum += part.removed
      more = part.more
      await nextTurn()
    }
    return sum
  }

  #look(): void {
    const [last] = this.#privacy.runs(1)
    if (last === undefined || this.#options.now() - last.at >= DAY_MS) this.#begin()
  }

  #begin(): void {
    this.#running = this.#running.then(async () => {
      if (this.#isClosed) return
      try {
        await this.run()
      } catch (error) {
        this.#options.onFailure?.(error)
      }
    })
  }
}
