import Stripe from 'stripe'
import { accountPayments } from './accounts.ts'
import { balancePayments } from './balance.ts'
import { chargePayments } from './charges.ts'
import { checkoutPayments } from './checkout.ts'
import { customerPayments } from './customers.ts'
import { disputePayments } from './disputes.ts'
import { eventPayments } from './events.ts'
import { invoicePayments } from './invoices.ts'
import { observedClient, type StripeCall } from './observed-client.ts'
import { paymentMethodPayments } from './payment-methods.ts'
import type { Payments } from './payments.ts'
import { payoutPayments } from './payouts.ts'
import { platformPayments } from './platform.ts'
import { refundPayments } from './refunds.ts'
import { subscriptionPayments } from './subscriptions.ts'
import { transferPayments } from './transfers.ts'

export interface StripePaymentsOptions {
  readonly secretKey: string
  /** The signing secret of our webhook endpoint. */
  readonly webhookSecret: string
  /** Where Stripe is; without it, Stripe itself. */
  readonly host?: string
  readonly port?: number
  readonly protocol?: 'http' | 'https'
  /** Milliseconds since the epoch, for the age of webhooks. */
  readonly now?: () => number
  readonly maxNetworkRetries?: number
  readonly timeoutMs?: number
  /** Told of each request, each try by itself. */
  readonly onCall?: (call: StripeCall) => void
}

// Stripe waits up to 80 s by default; a payout run would rather ask again under the same key.
const timeoutMsDefault = 30_000
const retriesDefault = 2

/** Payments on the `stripe` library: one code path for Stripe itself and for the double. */
export function openStripePayments(options: StripePaymentsOptions): Payments {
  const stripe = new Stripe(options.secretKey, {
    telemetry: false,
    maxNetworkRetries: options.maxNetworkRetries ?? retriesDefault,
    timeout: options.timeoutMs ?? timeoutMsDefault,
    ...(options.onCall !== undefined && { httpClient: observedClient(options.onCall) }),
    ...(options.host !== undefined && { host: options.host }),
    ...(options.port !== undefined && { port: options.port }),
    ...(options.protocol !== undefined && { protocol: options.protocol }),
  })
  const { webhookSecret, now = Date.now } = options
  return {
    ...customerPayments(stripe),
    ...paymentMethodPayments(stripe),
    ...checkoutPayments(stripe),
    ...chargePayments(stripe),
    ...refundPayments(stripe),
    ...disputePayments(stripe),
    ...subscriptionPayments(stripe),
    ...invoicePayments(stripe),
    ...accountPayments(stripe),
    ...transferPayments(stripe),
    ...payoutPayments(stripe),
    ...balancePayments(stripe),
    ...platformPayments(stripe),
    ...eventPayments(stripe, { webhookSecret, now }),
  }
}
