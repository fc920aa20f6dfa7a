import type { FaultPlan } from './fault-plan.ts'
import type { WebhookFate } from './faults.ts'

/** Random faults that come again in the same order from the same seed. */
export interface Storm {
  readonly seed: number
  readonly rates: StormRates
}

/** Shares of requests and of webhooks, each from 0 to 1; what is absent does not happen. */
export interface StormRates {
  /** 429, with `retry-after: 0`. */
  readonly rateLimited?: number
  /** 500 in place of an effect: Stripe repeats it under the request's key. */
  readonly failed?: number
  /** 503 on the way: nothing was done, nothing is kept. */
  readonly unavailable?: number
  /** The connection closes before anything was done. */
  readonly droppedBefore?: number
  /** All was done, and the connection closes without an answer. */
  readonly droppedAfter?: number
  /** All was done, and no answer comes until the caller gives up. */
  readonly hung?: number
  /** Answered after `slowMs` of real time. */
  readonly slow?: number
  readonly webhookLost?: number
  readonly webhookTwice?: number
  readonly webhookReordered?: number
  /** Sent up to `delayMs` of the double's clock later. */
  readonly webhookDelayed?: number
  /** Signed with a time that is too old: a receiver must refuse the first attempt. */
  readonly webhookStale?: number
  readonly slowMs?: number
  readonly delayMs?: number
}

const slowMsDefault = 200
const delayMsDefault = 3_600_000
/** How far a reordered webhook falls back at most. */
const behindMax = 8
/** Stripe's library accepts 300 s. */
const staleMs = 600_000

export class StormFaults {
  readonly #rates: StormRates
  readonly #random: () => number
  readonly #webhookRandom: () => number

  constructor({ seed, rates }: Storm) {
    this.#rates = rates
    // Two sequences: whether a request fails does not hang on how many webhooks there were.
    this.#random = randomOf(seed)
    this.#webhookRandom = randomOf(seed ^ 0x5f37_59df)
  }

  requestFault(operation: string): FaultPlan | undefined {
    const { slowMs = slowMsDefault, ...rates } = this.#rates
    const before = { operation, when: 'before' } as const
    const after = { operation, when: 'after' } as const
    const faults: readonly (readonly [number | undefined, FaultPlan])[] = [
      [rates.rateLimited, { ...before, status: 429, retryAfterS: 0 }],
      [rates.failed, { ...before, status: 500 }],
      [rates.unavailable, { ...before, status: 503 }],
      [rates.droppedBefore, { ...before, status: 'drop' }],
      [rates.droppedAfter, { ...after, status: 'drop' }],
      [rates.hung, { ...after, status: 'hang' }],
      [rates.slow, { ...before, status: 'slow', delayMs: slowMs }],
    ]
    let point = this.#random()
    for (const [share = 0, fault] of faults) {
      if (point < share) return fault
      point -= share
    }
    return undefined
  }

  webhookFate(): WebhookFate {
    const { delayMs = delayMsDefault, ...rates } = this.#rates
    const random = this.#webhookRandom
    // Always as many draws, so that one rate does not change what the others do.
    const [lost, twice, reordered, delayed, stale, place, time] = Array.from({ length: 7 }, random)
    const hit = (draw = 1, share = 0): boolean => draw < share
    return {
      lost: hit(lost, rates.webhookLost),
      twice: hit(twice, rates.webhookTwice),
      ...(hit(reordered, rates.webhookReordered) && {
        behind: 1 + Math.floor((place ?? 0) * behindMax),
      }),
      ...(hit(delayed, rates.webhookDelayed) && { delayMs: Math.ceil((time ?? 0) * delayMs) }),
      ...(hit(stale, rates.webhookStale) && { staleMs }),
    }
  }
}

/** mulberry32, by Tommy Ettinger (public domain): small, and the same everywhere. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
