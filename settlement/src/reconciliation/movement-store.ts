import { PICO_PER_CENT, picoEuro } from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { recordset } from '../db/column-lists.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { BANK, CLEARING, STRIPE_FEES, type Transfer } from '../ledger/accounts.ts'
import { postTransfers } from '../ledger/post-transfers.ts'
import type { BalanceMovement } from '../stripe/index.ts'
import { BANK_TYPES, FEE_TYPES, movementKey, sqlList } from './movement-key.ts'

/** More would be a run of days between Stripe and the bank: the next run takes the rest. */
const BOOK_MAX = 1000

export function movementStore(db: Database) {
  return {
    /** Keeps what Stripe tells; what is known already does not change. */
    keepMovements: async (movements: readonly BalanceMovement[]): Promise<void> => {
      const list = movements.map((movement) => ({
        id: movement.id,
        key: movementKey(movement),
        type: movement.type,
        category: movement.category,
        operation: movement.operation,
        amount: movement.amountCents.toString(),
        fee: movement.feeCents.toString(),
        net: movement.netCents.toString(),
        created: iso(movement.createdMs),
        available: iso(movement.availableOnMs),
      }))
      await db.execute(
        sql`insert into stripe_movement (id, key, type, category, operation, amount_cents, fee_cents, net_cents,
            created_at, available_on)
          select x.id, x.key, x.type, x.category, x.operation, x.amount, x.fee, x.net, x.created, x.available
          from ${recordset(list, 'x(id text, key text, type text, category text, operation text, amount int8, fee int8, net int8, created timestamptz, available timestamptz)')}
          on conflict do nothing`,
      )
    },

    /** Up to when movements are known, milliseconds since 1970; 0 when none is. */
    movementsUntil: async (): Promise<number> => {
      const [row] = await rows<{ at: string | null }>(
        db,
        sql`select max(created_at)::text as at from stripe_movement`,
      )
      return row?.at ? Date.parse(row.at) : 0
    },

    /** What the movements that are known come to, cents. */
    movedCents: async (): Promise<bigint> => {
      const [row] = await rows<{ cents: string }>(
        db,
        sql`select coalesce(sum(net_cents), 0)::text as cents from stripe_movement`,
      )
      return BigInt(row?.cents ?? 0)
    },

    /** Books money between Stripe and the bank, and fees of the account as a whole: nobody else tells of them. */
    bookMovements: (at: number): Promise<number> =>
      transact(db, async (tx) => {
        const found = await rows<{ id: string; type: string; net: string }>(
          tx,
          sql`update stripe_movement set booked_at = ${iso(at)}::timestamptz where id in (
              select m.id from stripe_movement m where m.booked_at is null and m.net_cents <> 0
                and (m.type in (${sql.raw(sqlList(BANK_TYPES))})
                  or (m.type in (${sql.raw(sqlList(FEE_TYPES))}) and m.net_cents < 0))
                and not exists (select from adjustment a where a.movement = m.id and a.state in ('proposed', 'posted'))
              order by m.created_at limit ${BOOK_MAX} for update skip locked)
            returning id, type, net_cents::text as net`,
        )
        await postTransfers(tx, found.map(posting), at)
        return found.length
      }),
  }
}

function posting({ id, type, net }: { id: string; type: string; net: string }): Transfer {
  const cents = BigInt(net)
  const amount = picoEuro((cents < 0n ? -cents : cents) * PICO_PER_CENT)
  if (FEE_TYPES.includes(type)) {
    return { debit: STRIPE_FEES, credit: CLEARING, amount, kind: 'stripe_fee', reference: id }
  }
  return cents < 0n
    ? { debit: BANK, credit: CLEARING, amount, kind: 'bank_payout', reference: id }
    : { debit: CLEARING, credit: BANK, amount, kind: 'bank_payout_reversal', reference: id }
}

const iso = (at: number) => new Date(at).toISOString()
