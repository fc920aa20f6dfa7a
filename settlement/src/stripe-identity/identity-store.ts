import { sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { stripeCatalogue, stripeCursor, stripeIdentity } from '../db/schema.ts'
import { SettlementError } from '../errors.ts'

/** Which Stripe books belong to. */
export interface StripeIdentity {
  /** The platform's account; `double` on the double. */
  readonly account: string
  readonly mode: 'double' | 'test' | 'live'
}

/** Rows with ids of Stripe's, or of money that moved there. */
const BOOKS = [
  'ledger_transfer',
  'top_up',
  'automatic_top_up',
  'refund',
  'dispute',
  'payout',
  'payout_reversal',
  'bank_payout',
  'plan_subscription',
  'subscription_invoice',
  'stripe_event',
  'stripe_movement',
  'billing_customer where customer is not null',
  'provider where coalesce(account, former_account) is not null',
]

export function identityStore(db: Database) {
  const stored = async (on: Database): Promise<StripeIdentity | undefined> => {
    const [row] = await on.select().from(stripeIdentity)
    return row && { account: row.account, mode: row.mode }
  }
  return {
    stripeIdentity: (): Promise<StripeIdentity | undefined> => stored(db),

    /** Of several at once the first is kept. @returns what is kept */
    claimStripe: async (identity: StripeIdentity, at: number): Promise<StripeIdentity> => {
      await db
        .insert(stripeIdentity)
        .values({ ...identity, at: new Date(at) })
        .onConflictDoNothing()
      return (await stored(db)) ?? identity
    },

    /** The next start says anew which Stripe it is. @throws {SettlementError} HANSE_CONFIG_INVALID with books that are not empty */
    forgetStripe: (): Promise<void> =>
      transact(db, async (tx) => {
        for (const books of BOOKS) {
          const [row] = await rows(tx, sql.raw(`select from ${books} limit 1`))
          if (row === undefined) continue
          const table = books.split(' ')[0]
          throw new SettlementError(
            'HANSE_CONFIG_INVALID',
            `there are rows in ${table}: only empty books can move to another Stripe; use a new database`,
          )
        }
        await tx.delete(stripeCatalogue)
        await tx.delete(stripeCursor)
        await tx.delete(stripeIdentity)
      }),
  }
}
