import type Stripe from 'stripe'

/** The account that the secret key belongs to. */
export const platform = 'acct_hanseplatform'

export type CapabilityStatus = 'pending' | 'active' | 'restricted' | 'rejected'

/** What becomes of payouts to a connected account's bank. */
export type BankMood = 'good' | 'refuses' | 'sends back'

export interface RequirementRecord {
  /** As Stripe describes it: `identity.individual.verification`. */
  readonly what: string
  due: 'currently_due' | 'eventually_due' | 'past_due'
  /** ISO time after which transfers stop. */
  readonly deadline?: string
}

export interface BalanceSettingsRecord {
  interval: 'daily' | 'manual' | 'monthly' | 'weekly'
  /** Cents that automatic payouts leave. */
  minimum: number
  debitsNegative: boolean
}

/** Something that happens by itself when the double's clock gets there. */
export interface Due {
  readonly id: string
  readonly atMs: number
  readonly kind: DueKind
  /** The id of what it happens to. */
  readonly subject: string
}

export type DueKind =
  | 'balance-available'
  | 'bank-debit-settles'
  | 'checkout-expires'
  | 'day-begins'
  | 'dispute-decided'
  | 'dispute-unanswered'
  | 'invoice-advances'
  | 'payout-arrives'
  | 'payout-fails'
  | 'payout-leaves'
  | 'refund-decided'
  | 'requirements-past-due'
  | 'subscription-gives-up'
  | 'subscription-renews'
  | 'tax-id-checked'

export interface AccountRecord {
  readonly id: string
  readonly created: string
  readonly country: string
  readonly entityType?: string
  readonly contactEmail?: string
  readonly displayName?: string
  readonly dashboard: 'express' | 'full' | 'none'
  readonly feesCollector: 'application' | 'application_custom' | 'application_express' | 'stripe'
  readonly lossesCollector: 'application' | 'stripe'
  readonly transfersRequested: boolean
  readonly metadata: Record<string, string>
  transfers: CapabilityStatus
  /** Stripe's code for why transfers are not active. */
  statusCode?: string
  requirements: RequirementRecord[]
  closed: boolean
  /** The provider has left the platform: nothing can be asked of the account any more. */
  deauthorized: boolean
  bank: BankMood
  payoutsPaused: boolean
}

export interface AccountLinkRecord {
  readonly id: string
  readonly account: string
  readonly expiresAtMs: number
  readonly refreshUrl: string
  readonly returnUrl?: string
  used: boolean
}

/** An object that belongs to one account: the platform's or a connected one. */
export interface Owned<T> {
  readonly account: string
  readonly object: T
}

export interface BalanceRecord {
  available: number
  pending: number
}

export interface StoredAnswer {
  readonly fingerprint: string
  readonly status: number
  /** The bytes that were answered. */
  readonly body: string
  readonly storedAtMs: number
}

export interface Delivery {
  readonly id: string
  readonly event: string
  readonly url: string
  readonly payload: string
  /** Deliveries go out by this number. */
  readonly order: number
  /** Not before, by the double's clock. */
  readonly notBeforeMs: number
  /** How far back the first attempt is signed. */
  readonly staleMs: number
  attempts: number
}

export interface PaymentMethodRecord {
  readonly object: Stripe.PaymentMethod
  /** The test token that it was made from: it says what charges do. */
  readonly token: string
}

export interface CheckoutRecord {
  readonly object: Stripe.Checkout.Session
  readonly lines: readonly Stripe.LineItem[]
  /** What the payment, the setup or the subscription gets when the page is completed. */
  readonly metadata: Record<string, string>
  readonly description: string | null
  readonly savesMethod: boolean
  /** Prices that are subscribed to, with their quantities. */
  readonly subscribes: readonly { readonly price: string; readonly quantity: number }[]
  readonly taxRates: readonly string[]
}

export interface PortalRecord {
  readonly customer: string
  readonly returnUrl: string | null
}

export interface WebhookEndpointRecord {
  readonly endpoint: Stripe.WebhookEndpoint
  readonly secret: string
  /** It hears of connected accounts, and of nothing else. */
  readonly connect: boolean
}

/** What the thin notification carries, and what GET /v2/core/events/{id} adds. */
export interface ThinEvent {
  readonly id: string
  readonly object: 'v2.core.event'
  readonly type: string
  readonly created: string
  readonly livemode: false
  readonly related_object: { readonly id: string; readonly type: string; readonly url: string }
  readonly data?: Record<string, unknown>
}

/** Everything the double knows. Maps keep the order of creation. */
export interface State {
  clockOffsetMs: number
  sequence: number
  invoiceNumber: number
  readonly accounts: Map<string, AccountRecord>
  readonly accountLinks: Map<string, AccountLinkRecord>
  readonly balances: Map<string, BalanceRecord>
  readonly balanceTransactions: Map<string, Owned<Stripe.BalanceTransaction>>
  readonly agenda: Map<string, Due>
  readonly balanceSettings: Map<string, BalanceSettingsRecord>
  readonly payouts: Map<string, Owned<Stripe.Payout>>
  /** Balance transactions that an automatic payout paid out. */
  readonly paidOut: Map<string, string>
  readonly charges: Map<string, Owned<Stripe.Charge>>
  readonly customers: Map<string, Stripe.Customer>
  readonly deletedCustomers: Map<string, true>
  readonly taxIds: Map<string, Stripe.TaxId>
  readonly paymentMethods: Map<string, PaymentMethodRecord>
  readonly setupIntents: Map<string, Stripe.SetupIntent>
  readonly checkouts: Map<string, CheckoutRecord>
  readonly paymentIntents: Map<string, Stripe.PaymentIntent>
  readonly refunds: Map<string, Stripe.Refund>
  readonly disputes: Map<string, Stripe.Dispute>
  readonly taxRates: Map<string, Stripe.TaxRate>
  readonly products: Map<string, Stripe.Product>
  readonly prices: Map<string, Stripe.Price>
  readonly subscriptions: Map<string, Stripe.Subscription>
  readonly invoices: Map<string, Stripe.Invoice>
  readonly invoiceItems: Map<string, Stripe.InvoiceItem>
  readonly portals: Map<string, PortalRecord>
  readonly transfers: Map<string, Stripe.Transfer>
  readonly events: Map<string, Stripe.Event>
  readonly thinEvents: Map<string, ThinEvent>
  readonly webhookEndpoints: Map<string, WebhookEndpointRecord>
  readonly deliveries: Map<string, Delivery>
  /** Answers by account and idempotency key: v1 and v2 keep them for different times. */
  readonly answersV1: Map<string, StoredAnswer>
  readonly answersV2: Map<string, StoredAnswer>
}

export function emptyState(): State {
  return {
    clockOffsetMs: 0,
    sequence: 0,
    invoiceNumber: 0,
    accounts: new Map(),
    accountLinks: new Map(),
    balances: new Map(),
    balanceTransactions: new Map(),
    agenda: new Map(),
    balanceSettings: new Map(),
    payouts: new Map(),
    paidOut: new Map(),
    charges: new Map(),
    customers: new Map(),
    deletedCustomers: new Map(),
    taxIds: new Map(),
    paymentMethods: new Map(),
    setupIntents: new Map(),
    checkouts: new Map(),
    paymentIntents: new Map(),
    refunds: new Map(),
    disputes: new Map(),
    taxRates: new Map(),
    products: new Map(),
    prices: new Map(),
    subscriptions: new Map(),
    invoices: new Map(),
    invoiceItems: new Map(),
    portals: new Map(),
    transfers: new Map(),
    events: new Map(),
    thinEvents: new Map(),
    webhookEndpoints: new Map(),
    deliveries: new Map(),
    answersV1: new Map(),
    answersV2: new Map(),
  }
}

const version = 2

export function stateToJson(state: State): string {
  const fields = Object.entries(state).map(([name, value]) => [
    name,
    value instanceof Map ? [...value] : value,
  ])
  return JSON.stringify({ version, ...Object.fromEntries(fields) })
}

/** @throws {Error} when the file is not a state of this version. */
export function stateFromJson(json: string): State {
  const saved: unknown = JSON.parse(json)
  if (typeof saved !== 'object' || saved === null || Reflect.get(saved, 'version') !== version) {
    throw new Error(
      `Not a Stripe double state of version ${version}: delete the file to start anew`,
    )
  }
  const state = emptyState()
  for (const name of Object.keys(state)) {
    const value: unknown = Reflect.get(saved, name)
    const empty: unknown = Reflect.get(state, name)
    const isMap = empty instanceof Map
    if (isMap ? !Array.isArray(value) : typeof value !== 'number') {
      throw new Error(`Stripe double state: ${name} is missing: delete the file to start anew`)
    }
    Reflect.set(state, name, isMap && Array.isArray(value) ? new Map(value) : value)
  }
  return state
}
