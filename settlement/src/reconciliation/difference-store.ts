import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { EXPECTED_MOVEMENTS } from './expected-movements.ts'

/** What Stripe has told of one subject. */
export interface SeenMovement {
  readonly id: string
  readonly type: string
  readonly netCents: bigint
  readonly feeCents: bigint
  readonly at: number
}

/** What our books say that must have moved for it, each cause by itself. */
export interface BookedMovement {
  readonly cents: bigint
  readonly at: number | null
}

export interface DifferenceSides {
  readonly seen: readonly SeenMovement[]
  readonly booked: readonly BookedMovement[]
}

/** More of one subject would not be read by anybody. */
const MOVEMENTS_MAX = 100

/** Both sides of a difference between the ledger and Stripe, for whoever has to explain it. */
export function differenceStore(db: Database) {
  return {
    differenceSides: async (subject: string): Promise<DifferenceSides> => ({
      seen: await seen(db, subject),
      booked: await booked(db, subject),
    }),
  }
}

async function seen(db: Database, subject: string): Promise<SeenMovement[]> {
  const found = await rows<{ id: string; type: string; net: string; fee: string; at: string }>(
    db,
    sql`select m.id, m.type, m.net_cents::text as net, m.fee_cents::text as fee, m.created_at::text as at
      from stripe_movement m left join adjustment a on a.movement = m.id and a.state = 'posted'
      where coalesce(a.movement, m.key) = ${subject}
      order by m.created_at, m.id limit ${MOVEMENTS_MAX}`,
  )
  return found.map(({ net, fee, at, ...row }) => ({
    ...row,
    netCents: BigInt(net),
    feeCents: BigInt(fee),
    at: Date.parse(at),
  }))
}

async function booked(db: Database, subject: string): Promise<BookedMovement[]> {
  const expected = sql.raw(EXPECTED_MOVEMENTS.join('\n  union all '))
  const found = await rows<{ cents: string; at: string | null }>(
    db,
    sql`with expected_row as (${expected})
      select trim_scale(cents::numeric)::text as cents, at::text as at from expected_row where key = ${subject}
      order by at, cents limit ${MOVEMENTS_MAX}`,
  )
  return found.map(({ cents, at }) => ({
    cents: BigInt(cents.split('.')[0] ?? 0),
    at: at === null ? null : Date.parse(at),
  }))
}
