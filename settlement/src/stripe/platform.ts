import type Stripe from 'stripe'
import { ask } from './call.ts'

/** Whose key it is. */
export interface PlatformPayments {
  /** The id of the platform's own account. */
  platformAccount(): Promise<string>
}

export function platformPayments(stripe: Stripe): PlatformPayments {
  return {
    platformAccount: async () => (await ask(() => stripe.accounts.retrieveCurrent())).id,
  }
}
