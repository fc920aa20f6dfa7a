export type { FaultPlan } from './double/fault-plan.ts'
export type { CapabilityStatus } from './double/state.ts'
export {
  type SeenRequest,
  type StripeDouble,
  type StripeDoubleOptions,
  startStripeDouble,
} from './double/stripe-double.ts'
export type { WebhookTarget } from './double/webhook-sender.ts'
export { openStripePayments, type StripePaymentsOptions } from './open-stripe-payments.ts'
export type {
  AccountState,
  Balance,
  BalanceMovement,
  Payments,
  ProviderAccount,
  StripeEvent,
  TopUp,
} from './payments.ts'
export { PaymentsError, type PaymentsErrorCode } from './payments-error.ts'
