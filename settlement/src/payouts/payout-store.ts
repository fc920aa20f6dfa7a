import { PICO_PER_CENT, picoEuro } from '@hanse/protocol'
import { and, asc, eq, gt, inArray, isNull, lte, or, sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { payout } from '../db/schema.ts'
import { accountId, CLEARING, type Transfer, type TransferKind } from '../ledger/accounts.ts'
import { postTransfers } from '../ledger/post-transfers.ts'
import { type LogFact, ownerOf } from '../log/log-fact.ts'
import { writeEvents } from '../log/write-events.ts'

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
  readonly createdAt: number
  readonly updatedAt: number
}

/** Providers that one run gathers in one transaction. */
const GATHER_MAX = 1000

export function payoutStore(db: Database) {
  const move = (
    id: string,
    from: PayoutState,
    to: PayoutState,
    set: { transfer?: string; failure?: string },
    at: number,
    after: (row: PayoutRow) => readonly Transfer[],
  ): Promise<boolean> =>
    transact(db, async (tx) => {
      // Compare and swap: of any number of runs, retries and late answers one moves the row, and only it posts.
      const [row] = await tx
        .update(payout)
        .set({ ...set, state: to, updatedAt: new Date(at) })
        .where(and(eq(payout.id, id), eq(payout.state, from)))
        .returning()
      if (row === undefined) return false
      await postTransfers(tx, after(toPayout(row)), at)
      if (to === 'paid') await writeEvents(tx, [paid(toPayout(row))], at)
      return true
    })

  return {
    /**
     * Sets aside the whole cents of every payable provider that is owed at least `minimumCents`; the rest of a cent
     * stays payable. `at` in milliseconds.
     */
    gatherPayouts: (minimumCents: bigint, at: number): Promise<PayoutRow[]> =>
      transact(db, async (tx) => {
        const due = await rows<{ provider: string; account: string; cents: string }>(
          tx,
          sql`select p.peer_id as provider, p.account,
              trunc((b.credits - b.debits) / ${PICO_PER_CENT.toString()}::numeric)::text as cents
            from ledger_balance b
              join ledger_account a on a.id = b.account and a.kind = 'payable'
              join provider p on p.peer_id = a.owner
            where p.payable_since is not null and p.account is not null
              and b.credits - b.debits >= ${(minimumCents * PICO_PER_CENT).toString()}::numeric
            order by b.account limit ${GATHER_MAX} for update of b`,
        )
        if (due.length === 0) return []
        const created = await tx
          .insert(payout)
          .values(
            due.map(({ provider, account, cents }) => ({
              id: `po-${crypto.randomUUID()}`,
              provider,
              account,
              cents: BigInt(cents),
              state: 'pending' as const,
              createdAt: new Date(at),
              updatedAt: new Date(at),
            })),
          )
          .returning()
        const payouts = created.map(toPayout)
        await postTransfers(
          tx,
          payouts.map((row) => leg(row, 'payout', 'payable', 'payout_in_transit')),
          at,
        )
        return payouts
      }),

    /** Those whose outcome is open, oldest first. */
    openPayouts: async (limit: number): Promise<PayoutRow[]> =>
      (
        await db
          .select()
          .from(payout)
          .where(inArray(payout.state, ['pending', 'submitted']))
          .orderBy(asc(payout.createdAt), asc(payout.id))
          .limit(limit)
      ).map(toPayout),

    /**
     * Takes a payout for one attempt at Stripe, unless another process has it.
     *
     * @returns whether the caller may go on
     */
    leasePayout: async (row: PayoutRow, until: number, at: number): Promise<boolean> => {
      const taken = await db
        .update(payout)
        .set({ state: 'submitted', leasedUntil: new Date(until), updatedAt: new Date(at) })
        .where(
          and(
            eq(payout.id, row.id),
            eq(payout.state, row.state),
            or(isNull(payout.leasedUntil), lte(payout.leasedUntil, new Date(at))),
          ),
        )
        .returning({ id: payout.id })
      return taken.length > 0
    },

    /** The attempt ended without an answer: the next run may ask again. */
    returnPayout: async (id: string): Promise<void> => {
      await db.update(payout).set({ leasedUntil: null }).where(eq(payout.id, id))
    },

    completePayout: (id: string, transfer: string, at: number): Promise<boolean> =>
      move(id, 'submitted', 'paid', { transfer }, at, (row) => [
        {
          debit: accountId('payout_in_transit', row.provider),
          credit: CLEARING,
          amount: picoEuro(row.cents * PICO_PER_CENT),
          kind: 'payout',
          reference: row.id,
        },
      ]),

    failPayout: (id: string, failure: string, at: number): Promise<boolean> =>
      move(id, 'submitted', 'failed', { failure }, at, (row) => [
        leg(row, 'payout_reversal', 'payout_in_transit', 'payable'),
      ]),

    payouts: async (query: {
      after: string
      limit: number
      provider?: string
    }): Promise<PayoutRow[]> =>
      (
        await db
          .select()
          .from(payout)
          .where(
            and(
              gt(payout.id, query.after),
              query.provider === undefined ? undefined : eq(payout.provider, query.provider),
            ),
          )
          .orderBy(asc(payout.id))
          .limit(query.limit)
      ).map(toPayout),
  }
}

const paid = ({ id, provider, cents, transfer }: PayoutRow): LogFact => ({
  kind: 'payout',
  record: null,
  owner: ownerOf('provider', provider),
  details: { payout: id, provider, cents, transfer },
})

type ProviderKind = 'payable' | 'payout_in_transit'

const leg = (
  row: PayoutRow,
  kind: TransferKind,
  debit: ProviderKind,
  credit: ProviderKind,
): Transfer => ({
  debit: accountId(debit, row.provider),
  credit: accountId(credit, row.provider),
  amount: picoEuro(row.cents * PICO_PER_CENT),
  kind,
  reference: row.id,
})

function toPayout(row: typeof payout.$inferSelect): PayoutRow {
  return {
    id: row.id,
    provider: row.provider,
    account: row.account,
    cents: row.cents,
    state: row.state,
    transfer: row.transfer,
    failure: row.failure,
    createdAt: row.createdAt.getTime(),
    updatedAt: row.updatedAt.getTime(),
  }
}
