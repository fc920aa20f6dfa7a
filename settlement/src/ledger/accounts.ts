import type { PicoEuro } from '@hanse/protocol'

/**
 * The chart. `stripe_clearing` is an asset (what Stripe holds for us); all others are what we owe: to consumers
 * (available, held), to providers (payable, payout_in_transit), to the platform itself (revenue).
 */
export const ACCOUNT_KINDS = [
  'stripe_clearing',
  'available',
  'held',
  'payable',
  'revenue',
  'payout_in_transit',
] as const
export type AccountKind = (typeof ACCOUNT_KINDS)[number]

export const TRANSFER_KINDS = [
  'top_up',
  'hold',
  'release',
  'usage',
  'platform_fee',
  'payout',
  'payout_reversal',
] as const
export type TransferKind = (typeof TRANSFER_KINDS)[number]

/** The id of an account: its kind and its owner (an organization, a provider's peer id, or `platform`). */
export type AccountId = `${AccountKind}/${string}`

export const accountId = (kind: AccountKind, owner: string): AccountId => `${kind}/${owner}`
export const CLEARING = accountId('stripe_clearing', 'platform')
export const REVENUE = accountId('revenue', 'platform')

export function accountParts(id: AccountId): { kind: AccountKind; owner: string } {
  const slash = id.indexOf('/')
  return { kind: id.slice(0, slash) as AccountKind, owner: id.slice(slash + 1) }
}

/** What we owe may never be negative. */
export const isGuarded = (kind: AccountKind): boolean => kind !== 'stripe_clearing'

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
