import Stripe from 'stripe'

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

const { StripeAPIError, StripeAuthenticationError, StripeCardError, StripeConnectionError } =
  Stripe.errors
const { StripeError, StripeRateLimitError, StripeSignatureVerificationError } = Stripe.errors

/** What is not Stripe's error is a fault of ours and is thrown on as it is. */
export function paymentsErrorOf(error: unknown): unknown {
  if (!(error instanceof StripeError)) return error
  const code = codeOf(error)
  // Stripe's own text may quote what was sent, so the message is ours and holds no input.
  const status = error.statusCode === undefined ? 'no answer' : `status ${error.statusCode}`
  const stripeCode = error.code ?? (error.rawType as string | undefined)
  return new PaymentsError(code, `Stripe: ${meanings[code]} (${status}${suffix(stripeCode)})`, {
    ...(stripeCode !== undefined && { stripeCode }),
    ...(error.payment_intent !== undefined && { paymentIntent: error.payment_intent.id }),
    replayed: error.headers?.['idempotent-replayed'] === 'true',
    ...(error.requestId !== undefined && { requestId: error.requestId }),
    // Stripe quotes the end of a wrong key in its text.
    ...(!(error instanceof StripeAuthenticationError) && { cause: error }),
  })
}

const meanings: Record<PaymentsErrorCode, string> = {
  HANSE_STRIPE_DECLINED: 'the payment was declined',
  HANSE_STRIPE_BALANCE_INSUFFICIENT: 'the available balance is too small',
  HANSE_STRIPE_UNAVAILABLE: 'the outcome is not known',
  HANSE_STRIPE_REFUSED: 'the request was refused',
  HANSE_STRIPE_SIGNATURE: 'the webhook signature is not valid',
}

function codeOf(error: InstanceType<typeof StripeError>): PaymentsErrorCode {
  if (error instanceof StripeCardError) return 'HANSE_STRIPE_DECLINED'
  if (error instanceof StripeSignatureVerificationError) return 'HANSE_STRIPE_SIGNATURE'
  if (error.code === 'balance_insufficient') return 'HANSE_STRIPE_BALANCE_INSUFFICIENT'
  const passing =
    error instanceof StripeConnectionError ||
    error instanceof StripeRateLimitError ||
    error instanceof StripeAPIError
  return passing ? 'HANSE_STRIPE_UNAVAILABLE' : 'HANSE_STRIPE_REFUSED'
}

function suffix(stripeCode: string | undefined): string {
  return stripeCode === undefined ? '' : `, ${stripeCode}`
}
