import { type PaceBound, type Paces, slowerThan } from './pace.ts'

/** What is credited when a share is below a limit. Both in basis points: 9990 is 99.9 %, 1000 is 10 %. */
export interface CreditStep {
  readonly belowBps: number
  readonly creditBps: number
}

/** What is promised for a calendar month (UTC), for each provider that an organization uses. */
export interface ServiceLevel {
  /** Of the sessions that a provider answered or failed, the share that it answered. */
  readonly availability: readonly CreditStep[]
  /** Of the answers, the share that was no slower than `msPerToken`. */
  readonly pace: {
    readonly msPerToken: PaceBound
    readonly steps: readonly CreditStep[]
  } | null
  /** Fewer sessions with a provider in the month say too little. */
  readonly sessionsMin: number
  /** Whether credits are posted by the service itself, where other organizations saw the same, or wait for an operator. */
  readonly posting: 'automatic' | 'approval'
}

/** A month with one provider, without what does not count. */
export interface Measured {
  readonly good: bigint
  readonly failed: bigint
  /** Of the good ones, as far as their times are known: the others are taken to be in time. */
  readonly paces: Paces
}

export interface Verdict {
  readonly good: bigint
  readonly failed: bigint
  /** Answers that were too slow, and both sides signed it; 0 where no pace is promised. */
  readonly slow: bigint
  /** What is credited of the spend; 0 where nothing was missed. */
  readonly creditBps: number
  /** What was missed. */
  readonly missed: readonly ('availability' | 'pace')[]
}

/**
 * What a month with a provider comes to under a level. Who misses two promises at once gives the larger of the credits,
 * not both: it is one month that was spoilt.
 */
export function verdictOf(level: ServiceLevel, { good, failed, paces }: Measured): Verdict {
  const slow = level.pace === null ? 0n : slowerThan(paces, level.pace.msPerToken)
  const facts = { good, failed, slow }
  if (good + failed < BigInt(level.sessionsMin)) return { ...facts, creditBps: 0, missed: [] }
  const forFailures = creditBpsOf(level.availability, good, good + failed)
  const forSlowness = creditBpsOf(level.pace?.steps ?? [], good - slow, good)
  return {
    ...facts,
    creditBps: Math.max(forFailures, forSlowness),
    missed: [
      ...(forFailures > 0 ? (['availability'] as const) : []),
      ...(forSlowness > 0 ? (['pace'] as const) : []),
    ],
  }
}

/** The largest credit of the steps that `part` of `whole` is below. */
function creditBpsOf(steps: readonly CreditStep[], part: bigint, whole: bigint): number {
  const hit = steps.filter(({ belowBps }) => part * 10_000n < whole * BigInt(belowBps))
  return Math.max(0, ...hit.map(({ creditBps }) => creditBps))
}

/**
 * What is credited, in pico-euro: the share of the spend, but never more than the platform's own part of it. So nobody gains
 * by failing sessions with a provider of their own, and no provider pays for a promise that it did not give.
 */
export function creditOf(spend: bigint, fee: bigint, creditBps: number): bigint {
  const share = (spend * BigInt(creditBps)) / 10_000n
  return share < fee ? share : fee
}

/** A share in basis points, rounded down, so that 100 % is only what is whole. Null of nothing. */
export const shareBps = (part: bigint, whole: bigint): number | null =>
  whole === 0n ? null : Number((part * 10_000n) / whole)
