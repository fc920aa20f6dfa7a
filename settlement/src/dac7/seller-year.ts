import { PICO_PER_CENT } from '@hanse/protocol'
import type { Party } from '../documents/document.ts'
import type { ProviderProfile } from '../documents/provider-profile.ts'
import type { TraderDeclaration } from '../traders/declaration.ts'

/** A calendar quarter in UTC: 0 to 3. */
export type Quarter = 0 | 1 | 2 | 3

/** What the books say of one seller and one quarter; pico-euro. */
export interface QuarterFacts {
  readonly quarter: Quarter
  /** Sessions in which something was earned. */
  readonly activities: number
  /** What consumers paid for them. */
  readonly gross: bigint
  /** Credited to the seller for them, without the fee. */
  readonly earned: bigint
  /** What adjustments by two operators added, or took. */
  readonly adjusted: bigint
}

/** As it is reported: whole cents, each quarter so that the year adds up. */
export interface ReportedQuarter {
  readonly quarter: Quarter
  readonly activities: number
  /** Paid or credited to the seller, net of fees (Annex V, Section I, A (10) DAC). */
  readonly considerationCents: bigint
  /** Withheld by the platform. */
  readonly feesCents: bigint
  /** The platform withholds no tax. */
  readonly taxesCents: bigint
}

export interface ReportedSeller {
  readonly provider: string
  readonly profile: ProviderProfile | null
  readonly declaration: TraderDeclaration | null
  /** What DAC7 asks for and nobody has said. */
  readonly missing: readonly string[]
  readonly quarters: readonly ReportedQuarter[]
  readonly totals: Omit<ReportedQuarter, 'quarter'>
  /** The exact sums, pico-euro. */
  readonly exact: { readonly consideration: bigint; readonly fees: bigint }
}

export interface Dac7Report {
  readonly year: number
  /** Milliseconds since 1970. */
  readonly madeAt: number
  /** Made by a trial installation. */
  readonly test: boolean
  readonly operator: Party
  readonly sellers: readonly ReportedSeller[]
}

const QUARTERS: readonly Quarter[] = [0, 1, 2, 3]

/** Half open, milliseconds since 1970. */
export const yearOf = (year: number) => ({ from: Date.UTC(year, 0), to: Date.UTC(year + 1, 0) })

/** What the four quarters of a seller come to; a quarter without facts is one of nothing. */
export function reportedQuarters(facts: readonly QuarterFacts[]): {
  readonly quarters: readonly ReportedQuarter[]
  readonly totals: Omit<ReportedQuarter, 'quarter'>
  readonly exact: { readonly consideration: bigint; readonly fees: bigint }
} {
  const all = QUARTERS.map(
    (quarter) => facts.find((one) => one.quarter === quarter) ?? { ...NOTHING, quarter },
  )
  const consideration = all.map(({ earned, adjusted }) => earned + adjusted)
  const fees = all.map(({ gross, earned }) => gross - earned)
  const considerationCents = cumulativeCents(consideration)
  const feesCents = cumulativeCents(fees)
  const quarters = all.map(({ quarter, activities }, i) => ({
    quarter,
    activities,
    considerationCents: considerationCents[i] ?? 0n,
    feesCents: feesCents[i] ?? 0n,
    taxesCents: 0n,
  }))
  return {
    quarters,
    totals: {
      activities: all.reduce((sum, { activities }) => sum + activities, 0),
      considerationCents: sum(considerationCents),
      feesCents: sum(feesCents),
      taxesCents: 0n,
    },
    exact: { consideration: sum(consideration), fees: sum(fees) },
  }
}

const NOTHING = { activities: 0, gross: 0n, earned: 0n, adjusted: 0n }

/** Rounded half up as they add up, so that the cents of the quarters are those of the year. */
function cumulativeCents(exact: readonly bigint[]): bigint[] {
  let seen = 0n
  return exact.map((amount) => {
    const before = roundCents(seen)
    seen += amount
    return roundCents(seen) - before
  })
}

function roundCents(pico: bigint): bigint {
  const raised = pico + PICO_PER_CENT / 2n
  const cents = raised / PICO_PER_CENT
  return cents * PICO_PER_CENT > raised ? cents - 1n : cents
}

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((a, b) => a + b, 0n)
