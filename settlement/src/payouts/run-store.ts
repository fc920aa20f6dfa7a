import { and, desc, eq, inArray, isNull, lt, or, sql } from 'drizzle-orm'
import { type Database, transact } from '../db/database.ts'
import { payout, payoutRun } from '../db/schema.ts'
import { SettlementError } from '../errors.ts'
import { type Gathering, gatherPayouts } from './gather-payouts.ts'
import { giveBack } from './payout-moves.ts'
import { type PayoutRunRow, type PayoutRunState, toRun } from './payout-run-row.ts'

export function payoutRunStore(db: Database) {
  return {
    gatherPayouts: (gathering: Gathering): Promise<PayoutRunRow | undefined> =>
      transact(db, (tx) => gatherPayouts(tx, gathering)),

    /** By another operator than who gathered it. @throws {SettlementError} HANSE_NOT_FOUND, HANSE_PAYOUT_RUN_STATE, HANSE_TWO_OPERATORS */
    approvePayoutRun: (id: string, by: string, at: number): Promise<PayoutRunRow> =>
      transact(db, async (tx) => {
        const { gatheredBy } = await gathered(tx, id)
        if (gatheredBy === by) throw new SettlementError('HANSE_TWO_OPERATORS', `${by} gathered it`)
        return decide(tx, id, 'approved', by, at)
      }),

    /** Everything goes back to its providers. @throws {SettlementError} HANSE_NOT_FOUND, HANSE_PAYOUT_RUN_STATE */
    cancelPayoutRun: (id: string, by: string, at: number): Promise<PayoutRunRow> =>
      transact(db, async (tx) => {
        await gathered(tx, id)
        await giveBack(tx, eq(payout.run, id), 'HANSE_PAYOUT_CANCELLED', at)
        return decide(tx, id, 'cancelled', by, at)
      }),

    beginPayoutRuns: async (): Promise<void> => {
      await db.update(payoutRun).set({ state: 'executing' }).where(eq(payoutRun.state, 'approved'))
    },

    /** Runs are done when none of their payouts is open. */
    settlePayoutRuns: async (at: number): Promise<void> => {
      await db.execute(
        sql`update payout_run r set state = 'done', done_at = ${new Date(at).toISOString()}::timestamptz
          where r.state in ('approved', 'executing') and not exists (
            select from payout p where p.run = r.id and p.state in ('pending', 'submitted'))`,
      )
    },

    payoutRun: async (id: string): Promise<PayoutRunRow | undefined> => {
      const [row] = await db.select().from(payoutRun).where(eq(payoutRun.id, id))
      return row && toRun(row)
    },

    /** Newest first. */
    payoutRuns: async (query: {
      readonly before?: string
      readonly limit: number
      readonly state?: PayoutRunState
    }): Promise<PayoutRunRow[]> => {
      const { before, limit, state } = query
      const after = before === undefined ? undefined : await runOf(db, before)
      const found = await db
        .select()
        .from(payoutRun)
        .where(
          and(
            state === undefined ? undefined : eq(payoutRun.state, state),
            after &&
              or(
                lt(payoutRun.gatheredAt, after.gatheredAt),
                and(eq(payoutRun.gatheredAt, after.gatheredAt), lt(payoutRun.id, after.id)),
              ),
          ),
        )
        .orderBy(desc(payoutRun.gatheredAt), desc(payoutRun.id))
        .limit(limit)
      return found.map(toRun)
    },
  }
}

/** Payouts that may be worked on: of approved runs, and of before there were runs. */
export const mayExecute = (db: Database) =>
  or(
    isNull(payout.run),
    inArray(
      payout.run,
      db
        .select({ id: payoutRun.id })
        .from(payoutRun)
        .where(inArray(payoutRun.state, ['approved', 'executing'])),
    ),
  )

async function gathered(tx: Database, id: string): Promise<typeof payoutRun.$inferSelect> {
  const [row] = await tx.select().from(payoutRun).where(eq(payoutRun.id, id)).for('update')
  if (row === undefined) throw new SettlementError('HANSE_NOT_FOUND', `no payout run ${id}`)
  if (row.state !== 'gathered') {
    throw new SettlementError('HANSE_PAYOUT_RUN_STATE', `${id} is ${row.state}`)
  }
  return row
}

async function decide(
  tx: Database,
  id: string,
  state: 'approved' | 'cancelled',
  by: string,
  at: number,
): Promise<PayoutRunRow> {
  const [row] = await tx
    .update(payoutRun)
    .set({ state, decidedBy: by, decidedAt: new Date(at) })
    .where(eq(payoutRun.id, id))
    .returning()
  return toRun(row)
}

async function runOf(db: Database, id: string) {
  const [row] = await db.select().from(payoutRun).where(eq(payoutRun.id, id))
  if (row === undefined) throw new SettlementError('HANSE_NOT_FOUND', `no payout run ${id}`)
  return row
}
