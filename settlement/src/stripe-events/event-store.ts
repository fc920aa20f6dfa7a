import { type Database, transact } from '../db/database.ts'
import { stripeEvent } from '../db/schema.ts'
import { applyEffect, type StripeEffect } from './effect.ts'
import { isForgotten } from './forgotten.ts'

export interface StoredEvent {
  readonly id: string
  readonly type: string
  readonly body: Uint8Array
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Nothing in them is needed here, and the one that tells of a deletion has all that was to be deleted. */
const isAboutCustomer = (type: string): boolean => /^customer\.(?!subscription\.)/u.test(type)
const EMPTY = new Uint8Array()

export function stripeEventStore(db: Database) {
  return {
    /**
     * Stores a verified event and has its effects in one transaction.
     *
     * @returns whether the event is new
     */
    takeStripeEvent: (event: StoredEvent, effects: readonly StripeEffect[]): Promise<boolean> =>
      transact(db, async (tx) => {
        const isEmptied = isAboutCustomer(event.type) || (await isForgotten(tx, event.body))
        const inserted = await tx
          .insert(stripeEvent)
          .values({
            id: event.id,
            type: event.type,
            body: isEmptied ? EMPTY : event.body,
            receivedAt: new Date(event.at),
          })
          .onConflictDoNothing()
          .returning({ id: stripeEvent.id })
        if (inserted.length === 0) return false
        for (const effect of effects) await applyEffect(tx, effect)
        return true
      }),

    /** Has effects of what was asked of Stripe, without an event that tells of it. */
    applyEffects: (effects: readonly StripeEffect[]): Promise<void> =>
      transact(db, async (tx) => {
        for (const effect of effects) await applyEffect(tx, effect)
      }),
  }
}
