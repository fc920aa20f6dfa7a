import type { Random } from '../kernel/random.ts'
import { CONVERSATIONS, type TraceRequest } from './trace.ts'

const HOUR_MS = 3_600_000
/** The trace covers 58 minutes of an hour; the next begins where it ends. */
const TRACE_MS = (CONVERSATIONS.at(-1)?.at ?? 0) + 1

/** People work by day: 0.3 to 1.7 times the mean, most at 15:00. An assumption, as the trace is of one hour. */
export function dayCurve(hourOfDay: number): number {
  return 1 + 0.7 * Math.cos((2 * Math.PI * (hourOfDay - 15)) / 24)
}

/** Programs do not sleep. */
export const flatCurve = (): number => 1

export interface ArrivalPlan {
  /** Hours of the day. */
  readonly from: number
  readonly hours: number
  /** Requests a second where the curve is 1. */
  readonly rate: number
  readonly curve: (hourOfDay: number) => number
}

/**
 * Arrivals as in the trace: it is played again and again from a place drawn by lot, and of its requests each stays with the
 * chance that makes the rate. So its bursts of seconds and minutes stay, and each request keeps its own prompt and answer.
 */
export function arrivalsOf({ from, hours, rate, curve }: ArrivalPlan, random: Random) {
  const perSecond = (CONVERSATIONS.length * 1000) / TRACE_MS
  const arrivals: TraceRequest[] = []
  const end = hours * HOUR_MS
  const first = random.between(0, CONVERSATIONS.length - 1)
  let round = -(CONVERSATIONS[first]?.at ?? 0)
  for (let i = first; ; i++) {
    if (i === CONVERSATIONS.length) {
      i = 0
      round += TRACE_MS
    }
    const request = CONVERSATIONS[i]
    if (request === undefined) throw new Error('a trace without requests')
    const at = round + request.at
    if (at >= end) return arrivals
    const wanted = (rate * curve((from + at / HOUR_MS) % 24)) / perSecond
    // More than the trace has: a request stands for several, a little apart.
    const copies = Math.floor(wanted) + (random.chance(wanted % 1) ? 1 : 0)
    for (let copy = 0; copy < copies; copy++)
      arrivals.push({ ...request, at: Math.min(end - 1, at + copy * random.exponential(1_000)) })
  }
}
