import type { Database } from '../db/database.ts'
import { finishTopUp, type TopUpOutcome } from '../top-ups/top-up-store.ts'

/**
 * What an event of Stripe comes to in our books, as plain data that can cross to the store's thread. It says how things
 * stand now, not what changed, so that late, repeated and reordered events do no harm.
 */
export type StripeEffect = { readonly kind: 'top-up'; readonly outcome: TopUpOutcome }

/** Has the effect inside the transaction that stores the event. */
export async function applyEffect(tx: Database, effect: StripeEffect): Promise<void> {
  switch (effect.kind) {
    case 'top-up':
      await finishTopUp(tx, effect.outcome)
      return
  }
}
