import { sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { ACCOUNT_KINDS, type AccountKind } from './accounts.ts'
import { EXPLANATIONS } from './explanations.ts'

/** One place where two ways to the same sum disagree; amounts in pico-euro, as decimal strings. */
export interface LedgerDifference {
  /** A kind of account, whose balances do not follow from what caused them, or one of the checks of the ledger itself. */
  readonly check: AccountKind | 'rollup' | 'sums' | 'guard' | 'spent' | 'orphan'
  readonly subject: string
  readonly expected: string
  readonly actual: string
}

export interface LedgerReport {
  readonly balanced: boolean
  readonly differences: readonly LedgerDifference[]
  readonly accounts: number
  readonly transfers: number
}

/** More would not help anybody; the report says so by its length. */
const DIFFERENCES_MAX = 100

/** Credit balances by account kind, of the rollup. */
const balances = (kind: string) =>
  `(select a.owner, b.credits - b.debits as amount from ledger_balance b
    join ledger_account a on a.id = b.account where a.kind = '${kind}')`

/** Rows of `expected` and `actual` (owner, amount) that differ; what is missing counts as zero. */
const compare = (check: string, expected: string, actual: string) => `
  select '${check}' as "check", coalesce(e.owner, a.owner) as subject,
    coalesce(e.amount, 0)::text as expected, coalesce(a.amount, 0)::text as actual
  from (${expected}) e full join (${actual}) a on a.owner = e.owner
  where coalesce(e.amount, 0) <> coalesce(a.amount, 0)`

const legs = `select debit as account, amount as debits, 0::numeric as credits from ledger_transfer
  union all select credit, 0, amount from ledger_transfer`

/** Rows that refer to nothing: no constraint of the table says so, for the sake of speed. */
const orphans = (table: string, column: string, to: string, key: string) => `
  select 'orphan' as "check", '${table}' as subject, o.${column}::text as expected, 'none' as actual
  from ${table} o where o.${column} is not null
    and not exists (select from ${to} t where t.${key} = o.${column})`

/** What nothing moves yet has no rows, and must stay at zero. */
const causesOf = (kind: AccountKind) =>
  [
    'select null::text as owner, 0::numeric as amount where false',
    ...EXPLANATIONS.filter((it) => it.kind === kind).map(({ select }) => select),
  ].join(' union all ')

/** Each kind of account against everything that can have moved it. */
const explained = ACCOUNT_KINDS.map((kind) =>
  compare(
    kind,
    `select owner, sum(amount) as amount from (${causesOf(kind)}) x group by owner`,
    balances(kind),
  ),
)

const CHECKS = [
  compare(
    'rollup',
    `select account as owner, sum(credits) - sum(debits) as amount from (${legs}) l group by account`,
    `select account as owner, credits - debits as amount from ledger_balance`,
  ),
  `select 'sums' as "check", 'rollup' as subject, sum(debits)::text as expected, sum(credits)::text as actual
   from ledger_balance having sum(debits) <> sum(credits)`,
  `select 'guard' as "check", account as subject, '0' as expected, (credits - debits)::text as actual
   from ledger_balance where (guarded and credits < debits) or (debit_guarded and debits < credits)`,
  ...explained,
  compare(
    'spent',
    `select authorization_serial::text as owner, sum(amount) as amount from settled_session
     where authorization_serial is not null group by authorization_serial`,
    `select serial::text as owner, spent as amount from spend_authorization where spent > 0`,
  ),
  orphans('ledger_transfer', 'debit', 'ledger_account', 'id'),
  orphans('ledger_transfer', 'credit', 'ledger_account', 'id'),
  orphans('settled_session', 'authorization_serial', 'spend_authorization', 'serial'),
  orphans('settled_session', 'organization', 'organization', 'id'),
  orphans('settled_session', 'statement', 'settled_statement', 'cid'),
  orphans('settled_receipt', 'session', 'settled_session', 'session'),
  orphans('settled_receipt', 'statement', 'settled_statement', 'cid'),
].map((check) => `(${check})`)

/** Derives every balance again, from the transfers and from the records that caused them, in one snapshot. */
export async function ledgerCheck(db: Database): Promise<LedgerReport> {
  return transact(
    db,
    async (tx) => {
      const differences = await rows<LedgerDifference>(
        tx,
        sql.raw(`select * from (${CHECKS.join(' union all ')}) d limit ${DIFFERENCES_MAX}`),
      )
      const [counts] = await rows<{ accounts: number; transfers: number }>(
        tx,
        sql`select (select count(*) from ledger_account)::int4 as accounts,
          (select count(*) from ledger_transfer)::int4 as transfers`,
      )
      return {
        balanced: differences.length === 0,
        differences,
        accounts: counts?.accounts ?? 0,
        transfers: counts?.transfers ?? 0,
      }
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  )
}
