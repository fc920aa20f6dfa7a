import { picoEuro } from '@hanse/protocol'
import { type SQL, sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'
import { type AccountId, TRANSFER_KINDS, type TransferKind } from '../ledger/accounts.ts'
import type { LedgerEntry } from '../ledger/ledger-store.ts'
import type { Cause } from './cause.ts'
import { findCause } from './find-cause.ts'

/** Where what a posting gave a provider went on to. */
export interface PaidBy {
  readonly payout: string
  readonly state: string
  /** The transfer that took it out of what was payable. */
  readonly transfer: bigint
  /** Milliseconds since 1970. */
  readonly at: number
}

/** A transfer, what else the same thing moved, and what that was. */
export interface TransferDetails {
  readonly transfer: LedgerEntry
  /** With the transfer itself, in the order in which they were posted. */
  readonly postings: readonly LedgerEntry[]
  readonly cause: Cause | null
  /** Null while nothing has paid it out, and where it is nobody's earnings. */
  readonly paidBy: PaidBy | null
}

export interface StoredTransfer {
  readonly id: string
  readonly batch: string
  readonly debit: AccountId
  readonly credit: AccountId
  readonly amount: string
  readonly kind: TransferKind
  readonly reference: string
  readonly at: string
}

export const TRANSFER_COLUMNS: SQL =
  sql.raw(`t.id::text as id, t.batch::text as batch, t.debit, t.credit,
  t.amount::text as amount, t.kind, t.reference, (extract(epoch from t.at) * 1000)::int8::text as at`)

/** Nothing moves money under one reference more often: what is more is not shown. */
const POSTINGS_MAX = 100

export function transferStore(db: Database) {
  return {
    ledgerTransfer: async (id: bigint): Promise<TransferDetails | undefined> => {
      const [row] = await rows<StoredTransfer>(
        db,
        sql`select ${TRANSFER_COLUMNS} from ledger_transfer t where t.id = ${id.toString()}::int8`,
      )
      if (row === undefined) return undefined
      const transfer = toEntry(row)
      const { kind, reference } = transfer
      return {
        transfer,
        postings: await postingsOf(db, [reference]),
        cause: (await findCause(db, kind, reference)) ?? null,
        paidBy: (await paidBy(db, transfer)) ?? null,
      }
    },
  }
}

/** All that was posted under these references, oldest first. */
export async function postingsOf(
  db: Database,
  references: readonly string[],
): Promise<LedgerEntry[]> {
  if (references.length === 0) return []
  const found = await rows<StoredTransfer>(
    db,
    sql`select ${TRANSFER_COLUMNS} from ledger_transfer t
      where t.kind = any(${textArray(TRANSFER_KINDS)}) and t.reference = any(${textArray(references)})
      order by t.id limit ${POSTINGS_MAX}`,
  )
  return found.map(toEntry)
}

/**
 * The payout that took what a transfer brought: the first one after it that was not given back. Earnings of before a
 * payout that did not come about are in the next.
 */
export async function paidBy(
  db: Database,
  { id, credit }: Pick<LedgerEntry, 'id' | 'credit'>,
): Promise<PaidBy | undefined> {
  if (!credit.startsWith('payable/')) return undefined
  const [row] = await rows<{ payout: string; state: string; transfer: string; at: string }>(
    db,
    sql`select p.id as payout, p.state, t.id::text as transfer,
        (extract(epoch from t.at) * 1000)::int8::text as at
      from ledger_transfer t join payout p on p.id = t.reference and p.state <> 'failed'
      where t.debit = ${credit} and t.id > ${id.toString()}::int8 and t.kind = 'payout'
      order by t.id limit 1`,
  )
  return row && { ...row, transfer: BigInt(row.transfer), at: Number(row.at) }
}

export const toEntry = (row: StoredTransfer): LedgerEntry => ({
  ...row,
  id: BigInt(row.id),
  batch: BigInt(row.batch),
  amount: picoEuro(BigInt(row.amount)),
  at: Number(row.at),
})
