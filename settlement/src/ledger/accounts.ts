import type { PicoEuro } from '@hanse/protocol'

/** What of an account may not be: see `ledger_balance` in the migrations. */
type Guard = 'credit' | 'debit' | 'none'

/**
 * The chart. What we owe is guarded against a debit balance: nobody spends, and nobody is paid, what is not there. What
 * is owed to us, and what we spent, is guarded the other way round. `stripe_clearing`, what Stripe holds for us, may go
 * both ways: Stripe takes back disputed money whether we have it or not.
 */
const CHART = {
  stripe_clearing: 'none',
  // The platform's own bank account, as far as money goes there from Stripe or comes from there.
  bank: 'none',
  // What we owe to consumers.
  available: 'credit',
  held: 'credit',
  // What we owe to providers; `held_back` is earned and waits for its day.
  payable: 'credit',
  held_back: 'credit',
  payout_in_transit: 'credit',
  // The platform's own: fees earned, tax to be paid on, and what it spent.
  revenue: 'credit',
  // What is paid on and then goes back to a customer the tax office owes us.
  vat: 'none',
  stripe_fees: 'debit',
  promotions: 'debit',
  losses: 'debit',
  // What an organization or a provider owes us.
  debt: 'debit',
} as const satisfies Record<string, Guard>
export type AccountKind = keyof typeof CHART
export const ACCOUNT_KINDS = Object.keys(CHART) as readonly AccountKind[]

export const TRANSFER_KINDS = [
  'top_up',
  'vat',
  'hold',
  'release',
  'usage',
  'platform_fee',
  'hold_back',
  'hold_back_release',
  'payout',
  'payout_reversal',
  'refund',
  'refund_reversal',
  'dispute',
  'dispute_reversal',
  'debt_recovery',
  'stripe_fee',
  'subscription',
  'plan_credit',
  'trial_credit',
  'service_credit',
  'write_off',
  'adjustment',
  'bank_payout',
  'bank_payout_reversal',
] as const
export type TransferKind = (typeof TRANSFER_KINDS)[number]

/** The id of an account: its kind and its owner (an organization, a provider's peer id, or `platform`). */
export type AccountId = `${AccountKind}/${string}`

export const accountId = (kind: AccountKind, owner: string): AccountId => `${kind}/${owner}`
export const CLEARING = accountId('stripe_clearing', 'platform')
export const BANK = accountId('bank', 'platform')
export const REVENUE = accountId('revenue', 'platform')
export const VAT = accountId('vat', 'platform')
export const STRIPE_FEES = accountId('stripe_fees', 'platform')
export const PROMOTIONS = accountId('promotions', 'platform')
export const LOSSES = accountId('losses', 'platform')

export function accountParts(id: AccountId): { kind: AccountKind; owner: string } {
  const slash = id.indexOf('/')
  return { kind: id.slice(0, slash) as AccountKind, owner: id.slice(slash + 1) }
}

export const guardOf = (kind: AccountKind): Guard => CHART[kind]
/** What we owe may never be negative. */
export const isGuarded = (kind: AccountKind): boolean => guardOf(kind) === 'credit'

/** One debit and one credit of the same amount. */
export interface Transfer {
  readonly debit: AccountId
  readonly credit: AccountId
  /** Pico-euro, above zero. */
  readonly amount: PicoEuro
  readonly kind: TransferKind
  /** What caused it: with `kind` and `debit` it can be posted only once. */
  readonly reference: string
}
