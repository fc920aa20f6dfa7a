import type { Signer } from '@hanse/protocol'
import type { CountryOfAddress } from './attestations/country-of-address.ts'
import type { PublishedLandmark } from './attestations/landmarks.ts'
import type { ForecastSpend } from './budgets/outlook.ts'
import type { ComplianceTerms } from './compliance/compliance-terms.ts'
import type { PlatformFeed } from './costs/feed-store.ts'
import type { SettlementStore } from './db/store.ts'
import type { MonthClosing } from './documents/month-points.ts'
import type { Seller } from './documents/seller.ts'
import { DEFAULT_HOLD_BACK, type HoldBackSchedule } from './earnings/hold-back.ts'
import type { SettlementLog } from './log/settlement-log.ts'
import type { Mailer } from './notifications/mailer.ts'
import type { Outpost } from './notifications/post.ts'
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
  /** What a person may try for nothing, once, euro cents. */
  readonly trialCreditCents: bigint
  /** When months are closed without an operator. */
  readonly closeMonths: MonthClosing
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
  // Some hundred thousand tokens of a middling model: enough to see that it works, too little to be worth a swindle.
  trialCreditCents: 100n,
  // Statements are never changed: what somebody still looks at is better waited for.
  closeMonths: 'when-clear',
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
  /** EU mode (`HANSE_EU_AUDIT`): without it, nothing of `auditedRoutes` is there, and nothing is written for it. */
  readonly euAudit: boolean
  /** Periods, contacts and facts that EU mode goes by; `DEFAULT_COMPLIANCE` when not given. */
  readonly compliance?: ComplianceTerms
  /** Who sells, and is on the documents; without it, no VAT is charged, and documents are tests of nobody. */
  readonly seller?: Seller
  /** Who confirms VAT ids; without it, none is. */
  readonly vatIds?: VatIdChecker
  /** How daily spend is forecast; by the medians of weekdays without. */
  readonly forecastSpend?: ForecastSpend
  /** Not where only the books are wanted. */
  readonly log?: SettlementLog
  /** Folder of keys and tombstones that no backup has; not where only the books are wanted. */
  readonly vault?: string
  /** Without it no mail is sent. */
  readonly mailer?: Mailer
  /** How addresses are reached that somebody else has chosen; the public internet alone when not given. */
  readonly outpost?: Outpost
  /** TXT records of a name, as `node:dns` gives them, which is asked when this is not given. */
  readonly resolveTxt?: (name: string) => Promise<string[][]>
  /** The origin of the website, where it is not the service's own: its pages may act for who is signed in. */
  readonly webOrigin?: string
  /** Where mails go while no real one is set, on an installation without real money. */
  readonly developmentMailer?: Mailer
  /** Where addresses are; without it they are no evidence. */
  readonly countryOfAddress?: CountryOfAddress
  /** Who measures providers, and is believed. */
  readonly landmarks?: readonly PublishedLandmark[]
  /** Rate cards of the platform that are fetched on a schedule. */
  readonly rateCardFeeds?: readonly PlatformFeed[]
}
