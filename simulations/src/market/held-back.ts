import { DEFAULT_HOLD_BACK, type HoldBackSchedule, holdBack } from '@hanse/settlement/rules'
import { PROVIDER_CLASSES, type ProviderClass } from './classes.ts'

/**
 * Schedules that are compared: what is asked, none, one that holds the same shares back for twice as long, and one that
 * holds a share back for as long as a charge can be contested, less of those who have a record.
 */
export const SCHEDULES: Readonly<Record<string, HoldBackSchedule>> = {
  none: { freeCents: 0n, stages: [] },
  'as it is': DEFAULT_HOLD_BACK,
  'twice as long': {
    freeCents: DEFAULT_HOLD_BACK.freeCents,
    stages: DEFAULT_HOLD_BACK.stages.map((stage) => ({ ...stage, days: 2 * stage.days })),
  },
  'until 120 days': {
    freeCents: DEFAULT_HOLD_BACK.freeCents,
    stages: [
      { untilDays: 30, untilCents: 20_000n, shareBps: 5_000, days: 120 },
      { untilDays: 120, untilCents: 100_000n, shareBps: 2_000, days: 90 },
    ],
  },
}

/** What a newcomer's money does in the first months. EUR and days. */
export interface HeldOutcome {
  readonly schedule: string
  readonly who: string
  readonly perDay: number
  readonly earned: number
  /** Most that ever waited, and when the last of it was free. */
  readonly mostWaiting: number
  readonly freeAfterDays: number
  /** Of all that was earned, days that a euro waits on average. */
  readonly meanWait: number
  /** What that costs at 8 % a year, as a share of what was earned. */
  readonly cost: number
  /** Waiting at the end of each tenth day. */
  readonly waiting: readonly (readonly [day: number, eur: number])[]
}

/** Of one who buys from itself with a stolen card, until the first chargeback stops its payouts. */
export interface StolenOutcome {
  readonly schedule: string
  readonly perDay: number
  readonly chargebackDays: number
  readonly earned: number
  readonly paidOut: number
}

/** What a schedule takes from a thief and costs the honest, as shares of what each earns. */
export interface TradeOutcome {
  readonly schedule: string
  readonly perDay: number
  /** On average over the days after which a charge is contested. */
  readonly keeps: number
  readonly cost: number
  /**
   * Of what newcomers earn, the share that has to be stolen for this schedule to be worth what it costs more than the one
   * that is asked; undefined where it costs no more, or saves nothing.
   */
  readonly paysFrom: number | undefined
}

const DAYS = 120
const DAY_MS = 86_400_000
const PICO = 1_000_000_000_000
/** A loan of a small business. */
const INTEREST = 0.08
const STOLEN_PER_DAY = [5, 20, 100, 500]
const CHARGEBACK_DAYS = [3, 7, 14, 30, 60]
/**
 * Days after which a charge is contested: log-normal around the monthly bill on which it is seen, and no later than card
 * networks take it. An assumption: nobody publishes the distribution.
 */
const CONTESTED = { medianDays: 30, sigma: 0.8, mostDays: 120 }

/** Money of one provider that earns the same each day, by settlement's own rule. */
class Purse {
  readonly #schedule: HoldBackSchedule
  #earned = 0n
  readonly #parts: { readonly amount: bigint; readonly day: number; readonly freeOn: number }[] = []

  constructor(schedule: HoldBackSchedule) {
    this.#schedule = schedule
  }

  earn(day: number, eur: number): void {
    const now = BigInt(Math.round(eur * PICO))
    const parts = holdBack(this.#schedule, { ageMs: day * DAY_MS, before: this.#earned, now })
    this.#earned += now
    for (const { amount, days } of parts) this.#parts.push({ amount, day, freeOn: day + days })
  }

  get earned(): number {
    return Number(this.#earned) / PICO
  }

  waiting(day: number): number {
    const waits = this.#parts.filter((part) => part.day <= day && part.freeOn > day)
    return waits.reduce((sum, { amount }) => sum + Number(amount) / PICO, 0)
  }

  /** EUR times days. */
  get waited(): number {
    return this.#parts.reduce(
      (sum, { amount, day, freeOn }) => sum + (Number(amount) / PICO) * (freeOn - day),
      0,
    )
  }

  get lastFree(): number {
    return Math.max(0, ...this.#parts.map(({ freeOn }) => freeOn))
  }
}

/** @param perDay net of the fee, EUR */
export function runHeldBack(perDay: Readonly<Record<ProviderClass, number>>): HeldOutcome[] {
  return Object.entries(SCHEDULES).flatMap(([schedule, rule]) =>
    PROVIDER_CLASSES.map((who) => heldOf(schedule, rule, who, perDay[who])),
  )
}

function heldOf(
  schedule: string,
  rule: HoldBackSchedule,
  who: string,
  perDay: number,
): HeldOutcome {
  const purse = new Purse(rule)
  for (let day = 0; day < DAYS; day++) purse.earn(day, perDay)
  const days = Array.from({ length: DAYS }, (_, day) => day)
  const { earned, waited } = purse
  return {
    schedule,
    who,
    perDay,
    earned,
    mostWaiting: Math.max(...days.map((day) => purse.waiting(day))),
    freeAfterDays: purse.lastFree,
    meanWait: earned === 0 ? 0 : waited / earned,
    cost: earned === 0 ? 0 : (waited * INTEREST) / 365 / earned,
    waiting: days
      .filter((day) => day % 10 === 9)
      .map((day) => [day + 1, purse.waiting(day)] as const),
  }
}

export function runStolen(): StolenOutcome[] {
  return Object.entries(SCHEDULES).flatMap(([schedule, rule]) =>
    STOLEN_PER_DAY.flatMap((perDay) =>
      CHARGEBACK_DAYS.map((chargebackDays) => ({
        schedule,
        perDay,
        chargebackDays,
        ...stolenBy(rule, perDay, chargebackDays),
      })),
    ),
  )
}

/** Who earns as a thief and as an honest newcomer does, under each schedule. */
export function runTrade(): TradeOutcome[] {
  const weights = contestedOn()
  const rows = Object.entries(SCHEDULES).flatMap(([schedule, rule]) =>
    STOLEN_PER_DAY.map((perDay) => {
      const keeps = weights.map(({ day, share }) => {
        const { earned, paidOut } = stolenBy(rule, perDay, day)
        return (share * paidOut) / earned
      })
      const { cost } = heldOf(schedule, rule, 'newcomer', perDay)
      return { schedule, perDay, keeps: keeps.reduce((sum, one) => sum + one, 0), cost }
    }),
  )
  return rows.map((row) => {
    const asked = rows.find((one) => one.schedule === 'as it is' && one.perDay === row.perDay)
    const dearer = row.cost - (asked?.cost ?? 0)
    const saved = (asked?.keeps ?? 0) - row.keeps
    const pays = dearer > 0 && saved > 0
    return { ...row, paysFrom: pays ? dearer / (dearer + saved) : undefined }
  })
}

function stolenBy(
  rule: HoldBackSchedule,
  perDay: number,
  days: number,
): { readonly earned: number; readonly paidOut: number } {
  const purse = new Purse(rule)
  for (let day = 0; day < days; day++) purse.earn(day, perDay)
  // Payouts are daily: all that is free the day before is at the bank.
  return { earned: purse.earned, paidOut: purse.earned - purse.waiting(days - 1) }
}

/** Shares of the charges by the day on which they are contested; together one. */
function contestedOn(): { day: number; share: number }[] {
  const { medianDays, sigma, mostDays } = CONTESTED
  const densities = Array.from({ length: mostDays }, (_, i) => {
    const off = Math.log((i + 1) / medianDays) / sigma
    return Math.exp(-0.5 * off * off) / (i + 1)
  })
  const all = densities.reduce((sum, one) => sum + one, 0)
  return densities.map((density, i) => ({ day: i + 1, share: density / all }))
}
