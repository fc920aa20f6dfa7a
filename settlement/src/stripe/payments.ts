import type { AccountPayments } from './accounts.ts'
import type { BalancePayments } from './balance.ts'
import type { ChargePayments } from './charges.ts'
import type { CheckoutPayments } from './checkout.ts'
import type { CustomerPayments } from './customers.ts'
import type { DisputePayments } from './disputes.ts'
import type { EventPayments } from './events.ts'
import type { InvoicePayments } from './invoices.ts'
import type { PaymentMethodPayments } from './payment-methods.ts'
import type { PayoutPayments } from './payouts.ts'
import type { PlatformPayments } from './platform.ts'
import type { RefundPayments } from './refunds.ts'
import type { SubscriptionPayments } from './subscriptions.ts'
import type { TransferPayments } from './transfers.ts'

/**
 * What the settlement service asks of Stripe. Money is bigint euro cents, time is milliseconds
 * since the epoch.
 *
 * `operation` is the id of the caller's own permanent operation row. The idempotency key is derived
 * from it, so a repeated call with one operation has one effect for as long as Stripe keeps keys
 * (24 hours); after that, look with `findTransfer`, `findReversal` or `findRefund` before repeating.
 * Stripe repeats a refusal under its key too: after `HANSE_STRIPE_BALANCE_INSUFFICIENT` or
 * `HANSE_STRIPE_DECLINED` a new attempt is a new operation.
 *
 * Every method rejects with `PaymentsError`; a `RangeError` is an argument that never left.
 */
export interface Payments
  extends CustomerPayments,
    PaymentMethodPayments,
    CheckoutPayments,
    ChargePayments,
    RefundPayments,
    DisputePayments,
    SubscriptionPayments,
    InvoicePayments,
    AccountPayments,
    TransferPayments,
    PayoutPayments,
    BalancePayments,
    PlatformPayments,
    EventPayments {}
