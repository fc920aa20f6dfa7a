import type { TransferKind } from '../ledger/accounts.ts'

/** The kinds of record that move money. */
export const CAUSE_TYPES = [
  'adjustment',
  'authorization',
  'dispute',
  'held-earnings',
  'invoice',
  'movement',
  'organization-debt',
  'payout',
  'payout-reversal',
  'provider-debt',
  'receipt',
  'refund',
  'service-credit',
  'statement',
  'top-up',
  'trial',
] as const
export type CauseType = (typeof CAUSE_TYPES)[number]

/** The record that caused a transfer. */
export interface Cause {
  readonly type: CauseType
  readonly id: string
  /** The organization or the provider that it concerns; null where it concerns neither. */
  readonly party: string | null
  readonly state: string | null
  /** Milliseconds since 1970. */
  readonly at: number | null
}

/** What can have caused a transfer of a kind: the first that has its reference has. */
export const CAUSES_OF: Readonly<Record<TransferKind, readonly CauseType[]>> = {
  top_up: ['top-up'],
  vat: ['top-up', 'invoice'],
  hold: ['authorization', 'refund'],
  release: ['authorization', 'refund'],
  usage: ['receipt', 'statement'],
  platform_fee: ['receipt', 'statement'],
  hold_back: ['held-earnings'],
  hold_back_release: ['held-earnings'],
  payout: ['payout'],
  payout_reversal: ['payout', 'payout-reversal'],
  refund: ['refund'],
  refund_reversal: ['refund'],
  dispute: ['dispute'],
  dispute_reversal: ['dispute'],
  debt_recovery: ['provider-debt', 'organization-debt'],
  stripe_fee: ['top-up', 'invoice', 'movement'],
  subscription: ['invoice'],
  plan_credit: ['invoice'],
  trial_credit: ['trial'],
  service_credit: ['service-credit'],
  write_off: ['adjustment'],
  adjustment: ['adjustment'],
  bank_payout: ['movement'],
  bank_payout_reversal: ['movement'],
}

/** References of one record that moves money several times go on behind a slash. No id has one. */
export const recordOf = (reference: string): string => reference.split('/')[0] ?? reference
