import { setTimeout as sleep } from 'node:timers/promises'

/** Lets a rate of calls through: each caller waits for its turn. Several tasks may wait at once. */
export interface Pacer {
  /** Rejects when the signal aborts while it waits. */
  turn(signal?: AbortSignal): Promise<void>
}

export interface PacerClock {
  /** Milliseconds, never backwards. */
  readonly now: () => number
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>
}

const REAL: PacerClock = {
  now: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
}

export interface Pace {
  readonly perSecond: number
  /** Turns that may be taken at once after a pause: in no second are there more than `perSecond + burst`. */
  readonly burst: number
}

export function createPacer({ perSecond, burst }: Pace, clock: PacerClock = REAL): Pacer {
  const intervalMs = 1000 / perSecond
  let next = Number.NEGATIVE_INFINITY
  return {
    async turn(signal) {
      const at = clock.now()
      next = Math.max(next + intervalMs, at - (burst - 1) * intervalMs)
      if (next > at) await clock.sleep(next - at, signal)
    },
  }
}

/**
 * Stripe takes 25 requests a second at one endpoint (docs.stripe.com/rate-limits). One for the whole process, for the
 * limit is of the whole account; another process that pays at the same time meets 429s, and its payouts wait.
 */
export const TRANSFER_PACER = createPacer({ perSecond: 20, burst: 5 })
