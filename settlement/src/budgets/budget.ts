import type { BudgetRule, PicoEuro, Spender, TimeSpan } from '@hanse/protocol'

/** A budget as it is stored. */
export interface BudgetRow {
  readonly id: string
  readonly organization: string
  readonly rule: BudgetRule
  readonly createdBy: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly updatedAt: number
}

/** What a window came to. */
export interface BudgetSums {
  /** Of what was promised in the window: what receipts have claimed of it. */
  readonly spent: PicoEuro
  /** And what they may still claim. */
  readonly held: PicoEuro
}

/** A window of a budget. */
export interface BudgetState extends BudgetSums {
  readonly span: TimeSpan
  /** With what was carried over. */
  readonly amount: PicoEuro
}

/** Whom an authorization is for. What is not said is not known, and then budgets of such a scope do not count it. */
export interface SpendAttribution {
  readonly key?: string | undefined
  readonly team?: string | undefined
  readonly tags?: readonly string[] | undefined
}

/** In one form, so that equal ones are summed together; null when nothing is said. */
export function printAttribution({ key, team, tags }: SpendAttribution): string | null {
  if (key === undefined && team === undefined && tags === undefined) return null
  return JSON.stringify({ key, team, tags: tags && [...new Set(tags)].sort() })
}

export function spenderOf(attribution: string | null): Spender {
  if (attribution === null) return {}
  const { key, team, tags } = JSON.parse(attribution) as SpendAttribution
  return {
    ...(team !== undefined && { team }),
    ...(key !== undefined && { keys: [key] }),
    ...(tags !== undefined && { tags }),
  }
}
