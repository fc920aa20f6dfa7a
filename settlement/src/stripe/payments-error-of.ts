import Stripe from 'stripe'
import { PaymentsError, type PaymentsErrorCode } from './payments-error.ts'

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
