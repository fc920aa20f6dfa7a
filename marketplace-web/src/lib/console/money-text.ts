import { picoOfCents } from '@hanse/client'
import { locale, m } from '#lib/i18n.ts'
import { exactEuro, formatEuro, picoEuro } from '#lib/money.ts'
import type {
  Adjustment,
  Balance,
  Difference,
  Document,
  MonthPoint,
  Payout,
  PointName,
  Run,
} from './money-queries.ts'

/** Digits of cents, as the service writes them, as an amount. */
export const picoOf = (digits: string) => picoEuro(picoOfCents(digits))
export const cents = (digits: string): string => formatEuro(picoOf(digits), locale())
export const euro = (amount: bigint): string => formatEuro(picoEuro(amount), locale())
export const exact = (amount: bigint): string => exactEuro(picoEuro(amount), locale())
export const middle = (text: string): string =>
  text.length <= 20 ? text : `${text.slice(0, 10)}…${text.slice(-6)}`

type Tone = 'neutral' | 'verified' | 'waits' | 'error'
type Names<Key extends string> = Readonly<Record<Key, () => string>>

export const runStates: Names<Run['state']> = {
  gathered: m.console_run_gathered,
  approved: m.console_run_approved,
  executing: m.console_run_executing,
  done: m.console_run_done,
  cancelled: m.console_run_cancelled,
}
export const runTones: Readonly<Record<Run['state'], Tone>> = {
  gathered: 'waits',
  approved: 'neutral',
  executing: 'neutral',
  done: 'verified',
  cancelled: 'neutral',
}

export const payoutStates: Names<Payout['state']> = {
  pending: m.console_payout_pending,
  submitted: m.console_payout_submitted,
  paid: m.console_payout_paid,
  failed: m.console_payout_failed,
}
export const payoutTones: Readonly<Record<Payout['state'], Tone>> = {
  pending: 'neutral',
  submitted: 'waits',
  paid: 'verified',
  failed: 'error',
}

export const adjustmentStates: Names<Adjustment['state']> = {
  proposed: m.console_adjustment_proposed,
  posted: m.console_adjustment_posted,
  rejected: m.console_adjustment_rejected,
  expired: m.console_adjustment_expired,
}
export const adjustmentTones: Readonly<Record<Adjustment['state'], Tone>> = {
  proposed: 'waits',
  posted: 'verified',
  rejected: 'neutral',
  expired: 'neutral',
}

export const differenceStates: Names<Difference['state']> = {
  open: m.console_difference_open,
  explained: m.console_difference_explained,
  resolved: m.console_difference_resolved,
}
export const differenceTones: Readonly<Record<Difference['state'], Tone>> = {
  open: 'error',
  explained: 'waits',
  resolved: 'verified',
}

/** What a reason says, and what is done about it. */
const reasons: Readonly<Record<string, readonly [name: () => string, advice: () => string]>> = {
  'in-flight': [m.console_reason_in_flight, m.console_advice_passing],
  'fee-not-told': [m.console_reason_fee, m.console_advice_passing],
  'just-now': [m.console_reason_just_now, m.console_advice_passing],
  reserved: [m.console_reason_reserved, m.console_advice_passing],
  overdue: [m.console_reason_overdue, m.console_advice_overdue],
  'not-in-ledger': [m.console_reason_not_in_ledger, m.console_advice_not_in_ledger],
  'not-at-stripe': [m.console_reason_not_at_stripe, m.console_advice_not_at_stripe],
  amount: [m.console_reason_amount, m.console_advice_amount],
  balance: [m.console_reason_balance, m.console_advice_balance],
  'ledger-check': [m.console_reason_ledger, m.console_advice_ledger],
}
export const reasonOf = ({ reason }: Pick<Difference, 'reason'>): string =>
  reasons[reason]?.[0]() ?? reason
export const adviceOf = ({ reason }: Pick<Difference, 'reason'>): string =>
  reasons[reason]?.[1]() ?? ''

/** Cents at Stripe, pico-euro in the ledger; a ledger's sum may be a text that is no number. */
export function amountOf({ side }: Pick<Difference, 'side'>, digits: string): bigint | undefined {
  if (!/^-?\d+$/u.test(digits)) return undefined
  return side === 'ledger-stripe' ? picoOfCents(digits) : BigInt(digits)
}
export function shownAmount(row: Pick<Difference, 'side'>, digits: string): string {
  const amount = amountOf(row, digits)
  return amount === undefined ? digits : euro(amount)
}

export const documentKinds: Names<Document['kind']> = {
  'advance-invoice': m.doc_invoice,
  'credit-note': m.doc_credit_note,
  'usage-statement': m.console_doc_usage,
  'provider-statement': m.console_doc_provider,
}

export const accountNames: Names<Balance['kind']> = {
  stripe_clearing: m.console_account_clearing,
  bank: m.console_account_bank,
  available: m.console_account_available,
  held: m.console_account_held,
  payable: m.console_account_payable,
  held_back: m.console_account_held_back,
  payout_in_transit: m.console_account_in_transit,
  revenue: m.console_account_revenue,
  vat: m.console_account_vat,
  stripe_fees: m.console_account_fees,
  promotions: m.console_account_promotions,
  losses: m.console_account_losses,
  debt: m.console_account_debt,
}

const pointNames: Names<PointName> = {
  'payout-runs': m.console_point_runs,
  adjustments: m.console_point_adjustments,
  comparison: m.console_point_comparison,
  differences: m.console_point_differences,
  disputes: m.console_point_disputes,
  ledger: m.console_point_ledger,
}
/** What is open in a month, in a line: "2 disputes, not compared". */
export const pointsText = (points: readonly MonthPoint[]): string =>
  points
    .map(({ point, open }) =>
      point === 'comparison' ? pointNames[point]() : `${open} ${pointNames[point]()}`,
    )
    .join(', ')
