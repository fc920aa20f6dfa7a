/** What came of a call, ours of somebody else or theirs of us. */
export type CallOutcome = 'done' | 'refused' | 'failed'

export interface Answers {
  done: number
  /** The caller's fault: 4xx. */
  refused: number
  /** Ours: 5xx. */
  failed: number
  /** By the time that they took, as `bounds` divide it, and one more for what took longer. */
  readonly buckets: number[]
}

/** What happened in a while. */
export interface Tallied {
  readonly all: Answers
  readonly routes: ReadonlyMap<string, Answers>
  readonly stripe: Readonly<Record<CallOutcome, number>>
}

/** Counts what happens until it is taken. The same calls count for Prometheus: see `Metrics`. */
export class Tally {
  readonly #bounds: readonly number[]
  #all: Answers
  #routes = new Map<string, Answers>()
  #stripe = { done: 0, refused: 0, failed: 0 }

  /** @param bounds of the buckets, seconds, ascending */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#all = this.#none()
  }

  answered(route: string, status: number, seconds: number): void {
    let own = this.#routes.get(route)
    if (own === undefined) {
      own = this.#none()
      this.#routes.set(route, own)
    }
    const found = this.#bounds.findIndex((bound) => seconds <= bound)
    const bucket = found === -1 ? this.#bounds.length : found
    for (const answers of [this.#all, own]) {
      answers[outcomeOf(status)] += 1
      answers.buckets[bucket] = (answers.buckets[bucket] ?? 0) + 1
    }
  }

  stripeCalled(outcome: CallOutcome): void {
    this.#stripe[outcome] += 1
  }

  /** What happened since it was last taken. */
  take(): Tallied {
    const taken = { all: this.#all, routes: this.#routes, stripe: this.#stripe }
    this.#all = this.#none()
    this.#routes = new Map()
    this.#stripe = { done: 0, refused: 0, failed: 0 }
    return taken
  }

  #none(): Answers {
    return {
      done: 0,
      refused: 0,
      failed: 0,
      buckets: Array.from({ length: this.#bounds.length + 1 }, () => 0),
    }
  }
}

/** By an HTTP status; 0 stands for no answer. */
export const outcomeOf = (status: number): CallOutcome =>
  status === 0 || status >= 500 ? 'failed' : status >= 400 ? 'refused' : 'done'
