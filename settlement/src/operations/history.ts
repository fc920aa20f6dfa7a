import { quantile } from './quantile.ts'
import type { Answers, CallOutcome, Tallied, Tally } from './tally.ts'

/** How things stand at an instant. */
export interface Standing {
  readonly requestsInFlight: number
  readonly ingestBytes: number
  readonly ingestBatches: number
  /** Sessions of receipts and Statements since the process began, by what became of them. */
  readonly sessions: Readonly<Record<string, number>>
  /** Under the checkpoint of the log; null where nobody could tell. */
  readonly logEntries: number | null
  /** The part of the time in which the thread of the API had something to do, 0 to 1. */
  readonly busy: number
  readonly heapBytes: number
  readonly memoryBytes: number
}

/** What happened in one period of this process, and how things stood at its end. */
export interface Sample extends Omit<Standing, 'sessions'>, Times {
  /** The end of the period, milliseconds since 1970. */
  readonly at: number
  readonly periodMs: number
  readonly requests: Readonly<Record<CallOutcome, number>>
  readonly sessions: {
    readonly booked: number
    readonly duplicate: number
    readonly superseded: number
    readonly refused: number
  }
  readonly stripe: Readonly<Record<CallOutcome, number>>
}

/** Milliseconds; null where nothing was answered. */
export interface Times {
  readonly p50Ms: number | null
  readonly p95Ms: number | null
}

export interface RouteUse extends Times {
  readonly route: string
  readonly requests: Readonly<Record<CallOutcome, number>>
}

export const SAMPLE_MS = 10_000
/** An hour. */
const SAMPLES_MAX = 360
/** A quarter of an hour: what an operator looks for when something is slow is slow now, and each route has its own buckets. */
export const ROUTES_MS = 900_000
/** The busiest; the rest is for Prometheus. */
const ROUTES_SHOWN = 50

/** The last hour of this process. What is older, and other processes, are for Prometheus. */
export class History {
  readonly startedAt: number
  readonly #tally: Tally
  readonly #bounds: readonly number[]
  readonly #samples: Sample[] = []
  #routes: { readonly at: number; readonly tallied: Tallied['routes'] }[] = []
  #lastAt: number
  #lastSessions: Readonly<Record<string, number>> = {}

  /** @param bounds of the tally, seconds */
  constructor(tally: Tally, bounds: readonly number[], startedAt: number) {
    this.#tally = tally
    this.#bounds = bounds
    this.startedAt = startedAt
    this.#lastAt = startedAt
  }

  /** Ends a period. @param at milliseconds since 1970 */
  sample({ sessions, ...standing }: Standing, at: number): void {
    const { all, routes, stripe } = this.#tally.take()
    this.#samples.push({
      ...standing,
      at,
      periodMs: at - this.#lastAt,
      requests: countsOf(all),
      ...this.#times(all.buckets),
      sessions: increase(this.#lastSessions, sessions),
      stripe,
    })
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift()
    this.#routes = this.#routes.filter((one) => one.at > at - ROUTES_MS)
    if (routes.size > 0) this.#routes.push({ at, tallied: routes })
    this.#lastAt = at
    this.#lastSessions = sessions
  }

  /** The oldest first; only those after `since`. */
  samples(since = 0): readonly Sample[] {
    return this.#samples.filter(({ at }) => at > since)
  }

  /** Of the last quarter of an hour, the busiest first, and the times of all together. */
  routes(): { readonly all: Times; readonly routes: readonly RouteUse[] } {
    const sums = new Map<string, Answers>()
    for (const { tallied } of this.#routes)
      for (const [route, one] of tallied) sums.set(route, add(sums.get(route), one))
    const whole = [...sums.values()].reduce<Answers | undefined>(add, undefined)
    const routes = [...sums]
      .map(([route, one]) => ({ route, requests: countsOf(one), ...this.#times(one.buckets) }))
      .toSorted((a, b) => total(b.requests) - total(a.requests) || (a.route < b.route ? -1 : 1))
      .slice(0, ROUTES_SHOWN)
    return { all: this.#times(whole?.buckets ?? []), routes }
  }

  #times(buckets: readonly number[]): Times {
    const ms = (share: number) => {
      const seconds = quantile(share, buckets, this.#bounds)
      return seconds === null ? null : seconds * 1000
    }
    return { p50Ms: ms(0.5), p95Ms: ms(0.95) }
  }
}

const countsOf = ({ done, refused, failed }: Answers) => ({ done, refused, failed })
const total = ({ done, refused, failed }: RouteUse['requests']): number => done + refused + failed

const add = (a: Answers | undefined, b: Answers): Answers =>
  a === undefined
    ? b
    : {
        done: a.done + b.done,
        refused: a.refused + b.refused,
        failed: a.failed + b.failed,
        buckets: a.buckets.map((count, index) => count + (b.buckets[index] ?? 0)),
      }

/** Every name but three is the code of a refusal. */
function increase(
  before: Readonly<Record<string, number>>,
  now: Readonly<Record<string, number>>,
): Sample['sessions'] {
  const sessions = { booked: 0, duplicate: 0, superseded: 0, refused: 0 }
  for (const [name, count] of Object.entries(now)) {
    const more = count - (before[name] ?? 0)
    sessions[isOutcome(name) ? name : 'refused'] += more
  }
  return sessions
}

const isOutcome = (name: string): name is 'booked' | 'duplicate' | 'superseded' =>
  name === 'booked' || name === 'duplicate' || name === 'superseded'
