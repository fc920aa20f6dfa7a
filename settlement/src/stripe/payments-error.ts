/**
 * - `HANSE_STRIPE_DECLINED`: the customer's bank said no; another payment method may help.
 * - `HANSE_STRIPE_BALANCE_INSUFFICIENT`: the platform has too little available; try later, as a new operation.
 * - `HANSE_STRIPE_UNAVAILABLE`: no answer, or a passing failure; the outcome is unknown, repeat the same operation.
 * - `HANSE_STRIPE_REFUSED`: Stripe will not do this as asked; a person must look.
 * - `HANSE_STRIPE_SIGNATURE`: a webhook that Stripe did not sign, or signed too long ago.
 */
export type PaymentsErrorCode =
  | 'HANSE_STRIPE_DECLINED'
  | 'HANSE_STRIPE_BALANCE_INSUFFICIENT'
  | 'HANSE_STRIPE_UNAVAILABLE'
  | 'HANSE_STRIPE_REFUSED'
  | 'HANSE_STRIPE_SIGNATURE'

/** A fault of the Stripe boundary. `retryable` means: the same call with the same operation id. */
export class PaymentsError extends Error {
  readonly code: PaymentsErrorCode
  readonly retryable: boolean
  /** Stripe's own code, such as `card_declined`. */
  readonly stripeCode: string | undefined
  /** The payment that was declined. */
  readonly paymentIntent: string | undefined
  readonly requestId: string | undefined
  /**
   * Stripe kept this answer for the operation and repeats it for a day, a 500 too: look whether it
   * had its effect, and go on as a new operation.
   */
  readonly replayed: boolean

  constructor(
    code: PaymentsErrorCode,
    message: string,
    details: {
      stripeCode?: string
      paymentIntent?: string
      requestId?: string
      replayed?: boolean
      cause?: unknown
    } = {},
  ) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined)
    this.name = 'PaymentsError'
    this.code = code
    this.retryable = code === 'HANSE_STRIPE_UNAVAILABLE'
    this.stripeCode = details.stripeCode
    this.paymentIntent = details.paymentIntent
    this.requestId = details.requestId
    this.replayed = details.replayed ?? false
  }
}
