/**
 * Trust without a stake: of what a newcomer earns, a share waits, so that there is something to take back when receipts
 * turn out to be worth nothing. The rule is public, the same for everybody, and ends by itself.
 */
export interface HoldBackSchedule {
  /** Of what a provider ever earns, the first so many cents are never held back. */
  readonly freeCents: bigint
  /** In their order; the first that applies decides. Where none applies, nothing is held back. */
  readonly stages: readonly HoldBackStage[]
}

export interface HoldBackStage {
  /** Applies while the provider's first earnings are younger than this, days… */
  readonly untilDays: number
  /** …or less than this was ever earned, cents. */
  readonly untilCents: bigint
  /** How much is held back, basis points. */
  readonly shareBps: number
  /** For how long, days. */
  readonly days: number
}

/** What of some earnings is held back, and for how long. */
export interface HeldPart {
  /** Pico-euro. */
  readonly amount: bigint
  readonly shareBps: number
  readonly days: number
}

export interface Earned {
  /** Since the first earnings, milliseconds. */
  readonly ageMs: number
  /** All that was earned before, pico-euro. */
  readonly before: bigint
  /** What is earned now, pico-euro. */
  readonly now: bigint
}

/**
 * The first five euro are free: a newcomer sees money arrive, and an identity that Stripe has verified costs more. Two
 * weeks are what most cardholders take to contest a charge that they notice; 500 euro is a month of one busy GPU.
 */
export const DEFAULT_HOLD_BACK: HoldBackSchedule = {
  freeCents: 500n,
  stages: [
    { untilDays: 14, untilCents: 5_000n, shareBps: 5_000, days: 14 },
    { untilDays: 60, untilCents: 50_000n, shareBps: 2_000, days: 7 },
  ],
}

const DAY_MS = 86_400_000
const PICO_PER_CENT = 10_000_000_000n
const BPS = 10_000n

/**
 * Splits earnings where the schedule changes, and holds back each part's share. In how many portions something is earned
 * makes no difference within a stage: shares are taken of the running total.
 */
export function holdBack(schedule: HoldBackSchedule, earned: Earned): HeldPart[] {
  const parts: HeldPart[] = []
  const end = earned.before + earned.now
  const free = schedule.freeCents * PICO_PER_CENT
  for (let from = max(earned.before, free); from < end; ) {
    const stage = stageAt(schedule, earned.ageMs, from)
    if (stage === undefined) break
    const until = stage.untilCents * PICO_PER_CENT
    // Past its sum a stage applies by age alone, and then to all that is left.
    const to = from < until ? min(until, end) : end
    const amount = shareOf(to, stage.shareBps) - shareOf(from, stage.shareBps)
    if (amount > 0n) parts.push({ amount, shareBps: stage.shareBps, days: stage.days })
    from = to
  }
  return parts
}

const stageAt = ({ stages }: HoldBackSchedule, ageMs: number, earned: bigint) =>
  stages.find(
    ({ untilDays, untilCents }) =>
      ageMs < untilDays * DAY_MS || earned < untilCents * PICO_PER_CENT,
  )

const shareOf = (amount: bigint, bps: number) => (amount * BigInt(bps)) / BPS
const max = (a: bigint, b: bigint) => (a > b ? a : b)
const min = (a: bigint, b: bigint) => (a < b ? a : b)
