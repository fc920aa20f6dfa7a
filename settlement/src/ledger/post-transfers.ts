import { sql } from 'drizzle-orm'
import { recordset, textArray } from '../db/column-lists.ts'
import { type Database, databaseFault, rows } from '../db/database.ts'
import { fillStatement } from '../db/fill-statement.ts'
import { SettlementError } from '../errors.ts'
import { type AccountId, accountParts, guardOf, type Transfer } from './accounts.ts'

/**
 * The ledger's part of a posting statement: see `fillStatement`.
 *
 * CTEs are never joined with one another (without statistics the planner takes a nested loop), balances are locked in
 * one order (so that two batches cannot deadlock), and each balance row is written once, however many transfers touch it.
 */
export const LEDGER_CTES = `
t as materialized (
  select x.* from {transfers}
    as x(debit text, credit text, amount numeric, kind text, reference text)),
batch as materialized (
  select nextval('ledger_batch') as id, {at} as at),
posted as (
  insert into ledger_transfer (batch, debit, credit, amount, kind, reference, at)
  select batch.id, t.debit, t.credit, t.amount, t.kind, t.reference, batch.at from t cross join batch
  returning debit, credit, amount),
change as materialized (
  select v.account, sum(v.debits) as debits, sum(v.credits) as credits
  from posted cross join lateral (values (debit, amount, 0::numeric), (credit, 0::numeric, amount))
    as v(account, debits, credits)
  group by v.account),
locked as materialized (
  select b.account, change.debits, change.credits from ledger_balance b
    join change on change.account = b.account
  order by b.account for update of b),
updated as (
  update ledger_balance b set debits = b.debits + locked.debits, credits = b.credits + locked.credits
  from locked where b.account = locked.account returning 1)`

export const LEDGER_COUNTS = `
  (select count(*) from t)::int4 as transfers,
  (select count(*) from posted)::int4 as posted,
  (select count(*) from change)::int4 as accounts,
  (select count(*) from updated)::int4 as updated`

export interface LedgerCounts {
  readonly transfers: number
  readonly posted: number
  readonly accounts: number
  readonly updated: number
}

const GUARDS = new Set(['ledger_balance_guard', 'ledger_balance_debit_guard'])

const POST = `with ${LEDGER_CTES} select ${LEDGER_COUNTS}`

/**
 * Posts a balanced batch inside the caller's transaction.
 *
 * @throws {SettlementError} HANSE_BALANCE_INSUFFICIENT when a guarded account would go below zero
 */
export async function postTransfers(
  tx: Database,
  transfers: readonly Transfer[],
  at: number,
): Promise<void> {
  if (transfers.length === 0) return
  await ensureAccounts(tx, transfers)
  await runPosting(tx, POST, { transfers: transferRows(transfers) }, at)
}

/** Transfers as LEDGER_CTES reads them. */
export function transferRows(transfers: readonly Transfer[]): object[] {
  return transfers.map((transfer) => ({ ...transfer, amount: transfer.amount.toString() }))
}

/**
 * Runs a posting statement, and proves that every touched account was there: see `fillStatement`.
 *
 * @returns what it counted
 */
export async function runPosting<Counts extends object = object>(
  tx: Database,
  statement: string,
  lists: Readonly<Record<string, readonly object[]>>,
  at: number,
): Promise<LedgerCounts & Counts> {
  try {
    const [counts] = await rows<LedgerCounts & Counts>(tx, fillStatement(statement, lists, at))
    if (counts?.transfers !== counts?.posted || counts?.accounts !== counts?.updated) {
      throw new SettlementError('HANSE_LEDGER_BROKEN', `posted ${JSON.stringify(counts)}`)
    }
    if (counts === undefined) throw new SettlementError('HANSE_LEDGER_BROKEN', 'posted nothing')
    return counts
  } catch (error) {
    const fault = databaseFault(error)
    if (fault?.code === '23514' && GUARDS.has(fault.constraint)) {
      throw new SettlementError('HANSE_BALANCE_INSUFFICIENT', 'the balance does not cover this', {
        cause: error,
      })
    }
    throw error
  }
}

/** Makes the missing accounts, in one order; must be its own statement, for an insert is not seen by its own update. */
export async function ensureAccounts(
  tx: Database,
  transfers: readonly Pick<Transfer, 'debit' | 'credit'>[],
): Promise<void> {
  const ids = [...new Set(transfers.flatMap(({ debit, credit }) => [debit, credit]))].sort()
  const known = await rows<{ account: AccountId }>(
    tx,
    sql`select account from ledger_balance where account = any(${textArray(ids)})`,
  )
  const missing = ids.filter((id) => !known.some(({ account }) => account === id))
  if (missing.length === 0) return
  const accounts = missing.map((id) => {
    const { kind, owner } = accountParts(id)
    const guard = guardOf(kind)
    return { id, kind, owner, guarded: guard === 'credit', debit_guarded: guard === 'debit' }
  })
  const source = recordset(
    accounts,
    'x(id text, kind text, owner text, guarded bool, debit_guarded bool)',
  )
  await tx.execute(
    sql`insert into ledger_account (id, kind, owner) select id, kind, owner from ${source} order by id on conflict do nothing`,
  )
  await tx.execute(
    sql`insert into ledger_balance (account, guarded, debit_guarded) select id, guarded, debit_guarded from ${source} order by id on conflict do nothing`,
  )
}
