import { and, asc, desc, eq, gt, inArray, isNull, lte, or } from 'drizzle-orm'
import { type Database, transact } from '../db/database.ts'
import { payout, payoutHold } from '../db/schema.ts'
import { settleFailed, settlePaid } from './payout-moves.ts'
import { mayExecute } from './run-store.ts'

export type PayoutState = 'pending' | 'submitted' | 'paid' | 'failed'

export interface PayoutRow {
  readonly id: string
  /** Peer id. */
  readonly provider: string
  /** Stripe's connected account. */
  readonly account: string
  readonly cents: bigint
  readonly state: PayoutState
  readonly transfer: string | null
  readonly failure: string | null
  /** Null for payouts of before there were runs. */
  readonly run: string | null
  /** How much of it came back from Stripe. */
  readonly reversedCents: bigint
  readonly createdAt: number
  readonly updatedAt: number
}

/** `held`: Stripe was asked before; it may be looked up and not be asked again. */
export type Lease = 'taken' | 'held' | 'none'

export function payoutStore(db: Database) {
  return {
    /** Those whose outcome is open and that may be worked on, in the order of their ids. */
    openPayouts: async (limit: number, after = ''): Promise<PayoutRow[]> =>
      (
        await db
          .select()
          .from(payout)
          .where(
            and(
              inArray(payout.state, ['pending', 'submitted']),
              gt(payout.id, after),
              mayExecute(db),
            ),
          )
          .orderBy(asc(payout.id))
          .limit(limit)
      ).map(toPayout),

    /**
     * Takes a payout for one attempt at Stripe, unless another process has it. A provider on hold is not asked for; what
     * was already asked for is still found out.
     */
    leasePayout: (row: PayoutRow, until: number, at: number): Promise<Lease> =>
      transact(db, async (tx) => {
        const held = await tx
          .select({ id: payoutHold.id })
          .from(payoutHold)
          .where(and(eq(payoutHold.provider, row.provider), isNull(payoutHold.releasedAt)))
        if (held.length > 0 && row.state === 'pending') return 'none'
        const taken = await tx
          .update(payout)
          .set({
            state: 'submitted',
            leasedUntil: new Date(until),
            updatedAt: new Date(at),
          })
          .where(
            and(
              eq(payout.id, row.id),
              eq(payout.state, row.state),
              or(isNull(payout.leasedUntil), lte(payout.leasedUntil, new Date(at))),
              mayExecute(tx),
            ),
          )
          .returning({ id: payout.id })
        if (taken.length === 0) return 'none'
        return held.length > 0 ? 'held' : 'taken'
      }),

    /** The attempt ended without an answer: the next run may ask again. */
    returnPayout: async (id: string): Promise<void> => {
      await db.update(payout).set({ leasedUntil: null }).where(eq(payout.id, id))
    },

    completePayout: (id: string, transfer: string, at: number): Promise<boolean> =>
      transact(db, (tx) => settlePaid(tx, id, transfer, at)),

    failPayout: (id: string, failure: string, at: number): Promise<boolean> =>
      transact(db, (tx) => settleFailed(tx, id, failure, at)),

    payout: async (id: string): Promise<PayoutRow | undefined> => {
      const [row] = await db.select().from(payout).where(eq(payout.id, id))
      return row && toPayout(row)
    },

    /** Newest first. */
    providerPayouts: async (provider: string, limit: number): Promise<PayoutRow[]> =>
      (
        await db
          .select()
          .from(payout)
          .where(eq(payout.provider, provider))
          .orderBy(desc(payout.createdAt), desc(payout.id))
          .limit(limit)
      ).map(toPayout),

    payouts: async (query: {
      after: string
      limit: number
      provider?: string
      run?: string
    }): Promise<PayoutRow[]> =>
      (
        await db
          .select()
          .from(payout)
          .where(
            and(
              gt(payout.id, query.after),
              query.provider === undefined ? undefined : eq(payout.provider, query.provider),
              query.run === undefined ? undefined : eq(payout.run, query.run),
            ),
          )
          .orderBy(asc(payout.id))
          .limit(query.limit)
      ).map(toPayout),
  }
}

export function toPayout(row: typeof payout.$inferSelect): PayoutRow {
  return {
    id: row.id,
    provider: row.provider,
    account: row.account,
    cents: row.cents,
    state: row.state,
    transfer: row.transfer,
    failure: row.failure,
    run: row.run,
    reversedCents: row.reversedCents,
    createdAt: row.createdAt.getTime(),
    updatedAt: row.updatedAt.getTime(),
  }
}
