import { PaymentsError } from '../stripe/index.ts'

/** Asks whether Stripe did something. That it will not say is no answer, and never a reason to take it for not done. */
export async function lookUp<Found>(ask: () => Promise<Found>): Promise<Found> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof PaymentsError)) throw error
    throw new PaymentsError('HANSE_STRIPE_UNAVAILABLE', error.message, { cause: error })
  }
}
