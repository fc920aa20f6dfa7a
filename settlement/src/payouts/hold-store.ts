import { randomUUID } from 'node:crypto'
import { and, desc, eq, isNull, sql } from 'drizzle-orm'
import { type Database, databaseFault, rows, transact } from '../db/database.ts'
import { payout, payoutHold } from '../db/schema.ts'
import { SettlementError } from '../errors.ts'
import { emitEvents } from '../notifications/emit.ts'
import { giveBack } from './payout-moves.ts'

/** Nothing is paid to a provider while somebody looks into it. What it earns is booked as ever. */
export interface PayoutHold {
  readonly id: string
  readonly provider: string
  readonly reason: string
  readonly placedBy: string
  readonly placedAt: number
  readonly releasedBy: string | null
  readonly releasedAt: number | null
}

export interface NewHold {
  readonly provider: string
  readonly reason: string
  /** Id of the operator. */
  readonly by: string
  readonly at: number
}

export function payoutHoldStore(db: Database) {
  return {
    /** What was gathered and not asked for goes back. One that is there stays. @throws {SettlementError} HANSE_PROVIDER_UNKNOWN */
    holdPayouts: (given: NewHold): Promise<PayoutHold> =>
      transact(db, (tx) => placeHold(tx, given)),

    /** @throws {SettlementError} HANSE_NOT_FOUND when there is none */
    releasePayouts: async (provider: string, by: string, at: number): Promise<PayoutHold> => {
      const [row] = await db
        .update(payoutHold)
        .set({ releasedBy: by, releasedAt: new Date(at) })
        .where(and(eq(payoutHold.provider, provider), isNull(payoutHold.releasedAt)))
        .returning()
      if (row === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no payout is on hold')
      return toHold(row)
    },

    /** Newest first. */
    payoutHolds: async (query: {
      readonly provider?: string
      readonly open: boolean
      readonly limit: number
    }): Promise<PayoutHold[]> =>
      (
        await db
          .select()
          .from(payoutHold)
          .where(
            and(
              query.provider === undefined ? undefined : eq(payoutHold.provider, query.provider),
              query.open ? isNull(payoutHold.releasedAt) : undefined,
            ),
          )
          .orderBy(desc(payoutHold.placedAt), desc(payoutHold.id))
          .limit(query.limit)
      ).map(toHold),
  }
}

export async function placeHold(
  tx: Database,
  { provider, reason, by, at }: NewHold,
): Promise<PayoutHold> {
  try {
    await rows(
      tx,
      sql`insert into payout_hold (id, provider, reason, placed_by, placed_at)
        values (${`ph-${randomUUID()}`}, ${provider}, ${reason}, ${by}, ${new Date(at).toISOString()}::timestamptz)
        on conflict (provider) where released_at is null do nothing`,
    )
  } catch (error) {
    if (databaseFault(error)?.code !== '23503') throw error
    throw new SettlementError('HANSE_PROVIDER_UNKNOWN', `no provider ${provider}`, { cause: error })
  }
  await giveBack(tx, eq(payout.provider, provider), 'HANSE_PAYOUT_HELD', at)
  const [row] = await tx
    .select()
    .from(payoutHold)
    .where(and(eq(payoutHold.provider, provider), isNull(payoutHold.releasedAt)))
  if (row === undefined) throw new SettlementError('HANSE_INTERNAL', 'hold not stored')
  const held = { organization: null, kind: 'payout.held' as const, subject: provider }
  await emitEvents(tx, [{ ...held, cause: row.id, facts: { provider, by: row.placedBy } }], at)
  return toHold(row)
}

function toHold(row: typeof payoutHold.$inferSelect): PayoutHold {
  return {
    ...row,
    placedAt: row.placedAt.getTime(),
    releasedAt: row.releasedAt?.getTime() ?? null,
  }
}
