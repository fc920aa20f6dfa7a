export type {
  AccountPayments,
  AccountRequirement,
  AccountState,
  ProviderAccount,
} from './accounts.ts'
export type { Balance, BalanceMovement, BalancePayments } from './balance.ts'
export type { ChargePayments, ChargeState, Payment } from './charges.ts'
export type { Checkout, CheckoutPayments, CheckoutRequest, CheckoutState } from './checkout.ts'
export type {
  CustomerDetails,
  CustomerPayments,
  CustomerState,
  PostalAddress,
  TaxExempt,
  TaxId,
} from './customers.ts'
export type { DisputePayments, DisputeState } from './disputes.ts'
export type { SeenRequest } from './double/answerer.ts'
export type { FaultPlan } from './double/fault-plan.ts'
export type { CapabilityStatus } from './double/state.ts'
export type { Storm, StormRates } from './double/storm.ts'
export {
  type StripeDouble,
  type StripeDoubleOptions,
  startStripeDouble,
} from './double/stripe-double.ts'
export type { WebhookTarget } from './double/webhook-sender.ts'
export type { EventPayments, EventsSince, PolledEvent, StripeEvent } from './events.ts'
export type { InvoiceLine, InvoicePayments, InvoiceState } from './invoices.ts'
export type { StripeCall } from './observed-client.ts'
export { openStripePayments, type StripePaymentsOptions } from './open-stripe-payments.ts'
export type { PaymentMethodPayments, SavedPaymentMethod } from './payment-methods.ts'
export type { Payments } from './payments.ts'
export { PaymentsError, type PaymentsErrorCode } from './payments-error.ts'
export type { PayoutPayments, PayoutSchedule, PayoutState } from './payouts.ts'
export type { Refund, RefundPayments } from './refunds.ts'
export type {
  Plan,
  SubscriptionPayments,
  SubscriptionState,
  SubscriptionStatus,
} from './subscriptions.ts'
export type { ReversalState, TransferPayments, TransferState } from './transfers.ts'
