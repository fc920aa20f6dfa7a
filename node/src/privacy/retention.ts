import { setImmediate as nextTurn } from 'node:timers/promises'
import type { NodeStore } from '../store/node-store.ts'

/** How long each kind of data is kept, days; 0 keeps it until it is removed by hand. */
export interface RetentionTerms {
  /** Bodies of requests, and texts of spot checks. */
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
  readonly #store: Pick<NodeStore, 'privacy' | 'spend' | 'spotChecks'>
  readonly #options: RetentionOptions
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(
    store: Pick<NodeStore, 'privacy' | 'spend' | 'spotChecks'>,
    options: RetentionOptions,
  ) {
    this.#store = store
    this.#options = options
  }

  get terms(): RetentionTerms {
    return this.#options.terms
  }

  /** Newest first. */
  runs(): RetentionRun[] {
    return this.#store.privacy
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
    const { privacy, spend, spotChecks } = this.#store
    const at = now()
    const due = (days: number) => (days === 0 ? undefined : at - days * DAY_MS)
    const texts = due(terms.requests)
    const removed: Removed = {
      requests:
        (texts === undefined ? 0 : privacy.securely(() => spotChecks.forgetTexts(texts))) +
        (await this.#all(texts, (before) => privacy.removeOpenings('bodies', before))),
      openings: await this.#all(due(terms.openings), (before) =>
        privacy.removeOpenings('openings', before),
      ),
      metadata: await this.#all(due(terms.metadata), (before) => spend.anonymise(before)),
    }
    if (Object.values(removed).some((count) => count > 0)) this.#store.privacy.forgetChanges()
    this.#store.privacy.addRun({ at, removed: JSON.stringify(removed) })
    const run = { at, removed }
    this.#options.onRun?.(run)
    return run
  }

  async #all(
    before: number | undefined,
    remove: (before: number) => { readonly removed: number; readonly more: boolean },
  ): Promise<number> {
    if (before === undefined) return 0
    let sum = 0
    for (;;) {
      const { removed, more } = this.#store.privacy.securely(() => remove(before))
      sum += removed
      if (!more || this.#isClosed) return sum
      await nextTurn()
    }
  }

  #look(): void {
    const [last] = this.#store.privacy.runs(1)
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
