import { type PicoEuro, picoEuro } from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { type AccountId, accountId, type TransferKind } from '../ledger/accounts.ts'

/** All of a kind that went into what is payable, or out of it, between two payouts. */
export interface Movement {
  readonly kind: TransferKind
  readonly side: 'in' | 'out'
  readonly count: number
  /** Pico-euro. */
  readonly amount: PicoEuro
}

/**
 * What a payout paid, as a statement of the account that it was taken from: what was left by the payout before, and
 * all that came and went since. `opening` and `movements` are the payout and what `closing` left for the next.
 */
export interface PayoutEarnings {
  readonly account: AccountId
  /** The transfer of the payout before; null of the first. Entries of the account after it and before `until` are these. */
  readonly from: bigint | null
  /** The payout's own transfer. */
  readonly until: bigint
  readonly opening: PicoEuro
  readonly movements: readonly Movement[]
  readonly paid: PicoEuro
  readonly closing: PicoEuro
}

export function payoutEarningsStore(db: Database) {
  return {
    /** In the order of posting. @returns undefined when there is no such payout */
    payoutEarnings: (payout: string): Promise<PayoutEarnings | undefined> =>
      transact(db, (tx) => payoutEarnings(tx, payout), {
        isolationLevel: 'repeatable read',
        accessMode: 'read only',
      }),
  }
}

async function payoutEarnings(tx: Database, payout: string): Promise<PayoutEarnings | undefined> {
  const [own] = await rows<{ id: string; debit: AccountId; amount: string }>(
    tx,
    sql`select t.id::text as id, t.debit, t.amount::text as amount
      from payout p join ledger_transfer t
        on t.kind = 'payout' and t.reference = p.id and t.debit = ${accountId('payable', '')} || p.provider
      where p.id = ${payout}`,
  )
  if (own === undefined) return undefined
  const from = await payoutBefore(tx, own.debit, own.id)
  const opening = from === null ? 0n : await balanceAt(tx, own.debit, from)
  const movements = await movementsBetween(tx, own.debit, from ?? '0', own.id)
  const paid = BigInt(own.amount)
  const moved = movements.reduce(
    (sum, { side, amount }) => (side === 'in' ? sum + amount : sum - amount),
    0n,
  )
  return {
    account: own.debit,
    from: from === null ? null : BigInt(from),
    until: BigInt(own.id),
    opening: picoEuro(opening),
    movements,
    paid: picoEuro(paid),
    closing: picoEuro(opening + moved - paid),
  }
}

/** Goes back over what went out of the account, which is payouts and little else. */
async function payoutBefore(tx: Database, account: AccountId, id: string): Promise<string | null> {
  const [row] = await rows<{ id: string }>(
    tx,
    sql`select id::text as id from ledger_transfer
      where debit = ${account} and kind = 'payout' and id < ${id}::int8 order by ledger_transfer.id desc limit 1`,
  )
  return row?.id ?? null
}

/**
 * After a transfer, from whichever end fewer transfers of the ledger lie: what is booked since is taken from the
 * balance of now, in the same snapshot.
 */
async function balanceAt(tx: Database, account: AccountId, id: string): Promise<bigint> {
  const [newest] = await rows<{ id: string }>(
    tx,
    sql`select coalesce(max(id), 0)::text as id from ledger_transfer`,
  )
  const isOld = 2n * BigInt(id) < BigInt(newest?.id ?? '0')
  const sum = (side: 'debit' | 'credit') =>
    sql`(select coalesce(sum(amount), 0) from ledger_transfer
      where ${sql.raw(side)} = ${account} and id ${sql.raw(isOld ? '<=' : '>')} ${id}::int8)`
  const [row] = await rows<{ amount: string }>(
    tx,
    isOld
      ? sql`select (${sum('credit')} - ${sum('debit')})::text as amount`
      : sql`select (credits - debits - ${sum('credit')} + ${sum('debit')})::text as amount
          from ledger_balance where account = ${account}`,
  )
  return BigInt(row?.amount ?? '0')
}

async function movementsBetween(
  tx: Database,
  account: AccountId,
  from: string,
  until: string,
): Promise<Movement[]> {
  const half = (column: 'credit' | 'debit', side: 'in' | 'out') =>
    sql`select kind, ${sql.raw(`'${side}'`)} as side, count(*)::int4 as count, sum(amount)::text as amount
      from ledger_transfer where ${sql.raw(column)} = ${account} and id > ${from}::int8 and id < ${until}::int8
      group by kind`
  const found = await rows<Omit<Movement, 'amount'> & { amount: string }>(
    tx,
    sql`select * from (${half('credit', 'in')} union all ${half('debit', 'out')}) m order by side, kind`,
  )
  return found.map((row) => ({ ...row, amount: picoEuro(BigInt(row.amount)) }))
}
