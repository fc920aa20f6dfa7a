import { type PicoEuro, picoEuro } from '@hanse/protocol'
import { and, asc, eq, isNull, sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { heldEarnings } from '../db/schema.ts'
import { settleEarnings } from './held-earnings.ts'
import type { HoldBackSchedule } from './hold-back.ts'

export interface HeldEarnings {
  readonly amount: PicoEuro
  readonly shareBps: number
  /** When it was held back, milliseconds since 1970. */
  readonly heldAt: number
  readonly freeAt: number
}

/** How a provider stands with us, pico-euro. */
export interface ProviderMoney {
  readonly payable: PicoEuro
  readonly heldBack: PicoEuro
  readonly inTransit: PicoEuro
  readonly debt: PicoEuro
}

const DAY_MS = 86_400_000

export function earningsStore(db: Database) {
  return {
    /** What waited long enough becomes payable; of what is newly earned a share begins to wait. */
    settleEarnings: (schedule: HoldBackSchedule, at: number): Promise<void> =>
      transact(db, (tx) => settleEarnings(tx, schedule, at)),

    /** What waits, the next to be free first. */
    heldEarnings: async (provider: string): Promise<HeldEarnings[]> =>
      (
        await db
          .select()
          .from(heldEarnings)
          .where(and(eq(heldEarnings.provider, provider), isNull(heldEarnings.releasedAt)))
          .orderBy(asc(heldEarnings.freeAt), asc(heldEarnings.id))
      ).map(({ amount, shareBps, days, freeAt }) => ({
        amount: picoEuro(amount),
        shareBps,
        heldAt: freeAt.getTime() - days * DAY_MS,
        freeAt: freeAt.getTime(),
      })),

    providerMoney: async (provider: string): Promise<ProviderMoney> => {
      const found = await rows<{ kind: string; amount: string }>(
        db,
        sql`select a.kind, (b.credits - b.debits)::text as amount
          from ledger_account a join ledger_balance b on b.account = a.id
          where a.owner = ${provider} and a.kind in ('payable', 'held_back', 'payout_in_transit', 'debt')`,
      )
      const of = (kind: string) => BigInt(found.find((row) => row.kind === kind)?.amount ?? 0)
      return {
        payable: picoEuro(of('payable')),
        heldBack: picoEuro(of('held_back')),
        inTransit: picoEuro(of('payout_in_transit')),
        debt: picoEuro(-of('debt')),
      }
    },
  }
}
