import type { Signer } from '@hanse/protocol'
import type { SettlementStore } from './db/store.ts'
import type { Seller } from './documents/seller.ts'
import { DEFAULT_HOLD_BACK, type HoldBackSchedule } from './earnings/hold-back.ts'
import type { SettlementLog } from './log/settlement-log.ts'
import { PAYOUT_COUNTRIES } from './providers/payout-countries.ts'
import type { Payments } from './stripe/index.ts'
import type { VatIdChecker } from './tax/index.ts'

/** What an operator may set; every duration in milliseconds. */
export interface SettlementTerms {
  /** The platform's fee on new provider contracts, basis points. */
  readonly feeBps: number
  /** The least that is paid out, euro cents. */
  readonly payoutMinimumCents: bigint
  /** A payout run of more than this waits for an operator's approval, euro cents; null when none does. */
  readonly payoutApprovalCents: bigint | null
  /** What of a newcomer's earnings waits, and for how long. */
  readonly holdBack: HoldBackSchedule
  /** Where providers may be paid, ISO 3166-1 alpha-2. */
  readonly payoutCountries: readonly string[]
  /** How long an authorization lives when the consumer does not say. */
  readonly authorizationMs: number
  /** After its authorization expired, how long a hold still waits for receipts before the rest is given back. */
  readonly holdGraceMs: number
  /** After its acceptance ended, how long a session's receipts are still settled (while the hold is there). */
  readonly receiptGraceMs: number
}

const HOUR_MS = 3_600_000

export const DEFAULT_TERMS: SettlementTerms = {
  feeBps: 2500,
  payoutMinimumCents: 1n,
  payoutApprovalCents: null,
  holdBack: DEFAULT_HOLD_BACK,
  payoutCountries: PAYOUT_COUNTRIES,
  authorizationMs: HOUR_MS,
  // Long enough for a node that was cut off for a day; every day more is a day more that unused money is not free.
  holdGraceMs: 24 * HOUR_MS,
  receiptGraceMs: 30 * 24 * HOUR_MS,
}

/** What every part of the service works with. Clock and network are handed in. */
export interface SettlementContext {
  readonly store: SettlementStore
  readonly payments: Payments
  readonly signer: Signer
  readonly network: string
  /** Where providers come back to after onboarding. */
  readonly publicUrl: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly terms: SettlementTerms
  /** Who sells, and is on the documents; without it, no VAT is charged, and documents are tests of nobody. */
  readonly seller?: Seller
  /** Who confirms VAT ids; without it, none is. */
  readonly vatIds?: VatIdChecker
  /** Not where only the books are wanted. */
  readonly log?: SettlementLog
}
