import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { EXPECTED_MOVEMENTS, OPEN_OPERATIONS, WITHOUT_FEE } from './expected-movements.ts'
import { RESERVE_TYPES, sqlList } from './movement-key.ts'

/** Where two of the three sides disagree. Amounts are decimal strings: cents at Stripe, pico-euro in the ledger. */
export interface FoundDifference {
  readonly side: 'receipts-ledger' | 'ledger-stripe'
  /** What it is about: an account of the ledger, or Stripe's id of a payment, refund, dispute, transfer or movement. */
  readonly subject: string
  readonly expected: string
  readonly actual: string
  readonly reason: Reason
  /** `explained`: it goes away by itself. */
  readonly state: 'open' | 'explained'
}

export type Reason =
  /** Two ways to the same sum of the ledger disagree. */
  | 'ledger-check'
  /** Stripe moved money that no posting is for. */
  | 'not-in-ledger'
  /** A posting that Stripe has no movement for. */
  | 'not-at-stripe'
  /** Both have it, with different amounts. */
  | 'amount'
  /** Our own operation waits for its answer. */
  | 'in-flight'
  /** Stripe has not told us the fee of a payment. */
  | 'fee-not-told'
  /** It happened a moment ago; the news is on its way to one of the two. */
  | 'just-now'
  /** Stripe has set money aside within our balance. */
  | 'reserved'
  /** It should have been explained long ago. */
  | 'overdue'
  /** All movements together are not Stripe's balance. */
  | 'balance'

/** Subject of the difference between all movements and Stripe's balance. */
export const BALANCE = 'balance'

/** News takes this long to come: webhooks, a poller behind them, and Stripe's lists. */
const JUST_NOW_MS = 15 * 60_000
/** Stripe keeps a failed answer for a day; what hangs for longer needs a person. */
const OVERDUE_MS = 2 * 86_400_000
/** More would not help anybody; the report says so by its length. A list of as many may not be all of them. */
export const DIFFERENCES_MAX = 1000

const union = (selects: readonly string[]) => selects.join('\n  union all ')

const COMPARE = `
with expected_row as (
  ${union(EXPECTED_MOVEMENTS)}),
touched as (
  select key from stripe_movement where created_at >= {since}
  union select key from expected_row where at >= {since}
  union select subject from reconciliation_difference where side = 'ledger-stripe' and state <> 'resolved'),
expected as (
  select key, sum(cents)::numeric as cents, max(at) as at from expected_row
  where key in (select key from touched) group by key),
actual as (
  select coalesce(a.movement, m.key) as key, sum(m.net_cents)::numeric as cents, max(m.created_at) as at,
    max(m.operation) as operation, bool_and(m.type in (${sqlList(RESERVE_TYPES)})) as reserve
  from stripe_movement m left join adjustment a on a.movement = m.id and a.state = 'posted'
  where coalesce(a.movement, m.key) in (select key from touched)
  group by 1),
difference as (
  select coalesce(e.key, a.key) as subject, coalesce(e.cents, 0) as expected, coalesce(a.cents, 0) as actual,
    greatest(e.at, a.at) as at, a.operation, coalesce(a.reserve, false) as reserve, e.key is null as unbooked,
    a.key is null as unmoved
  from expected e full join actual a on a.key = e.key
  where coalesce(e.cents, 0) <> coalesce(a.cents, 0))
select subject, trim_scale(expected)::text as expected, trim_scale(actual)::text as actual, at::text as at, reserve,
  unbooked, unmoved,
  operation in (${union(OPEN_OPERATIONS)}) as open,
  subject in (${union(WITHOUT_FEE)}) as feeless
from difference order by at desc, subject limit ${DIFFERENCES_MAX}`

interface Row {
  readonly subject: string
  readonly expected: string
  readonly actual: string
  readonly at: string
  readonly reserve: boolean
  readonly unbooked: boolean
  readonly unmoved: boolean
  readonly open: boolean | null
  readonly feeless: boolean | null
}

/**
 * Movements at Stripe without their posting, postings without their movement, and those of different amounts; each key as
 * a whole, however many movements it has.
 *
 * @param sinceMs only what moved since then, and what was different before
 */
export async function findDifferences(
  db: Database,
  sinceMs: number,
  at: number,
): Promise<FoundDifference[]> {
  const since = sql`${new Date(sinceMs).toISOString()}::timestamptz`
  const parts = COMPARE.split('{since}').map((part) => sql.raw(part))
  const found = await rows<Row>(db, sql.join(parts, since))
  return found.map((row) => ({
    side: 'ledger-stripe',
    subject: row.subject,
    expected: row.expected,
    actual: row.actual,
    ...judge(row, at - Date.parse(row.at)),
  }))
}

function judge(row: Row, ageMs: number): Pick<FoundDifference, 'reason' | 'state'> {
  const passing = passingReason(row, ageMs)
  if (passing === undefined) return { reason: lastingReason(row), state: 'open' }
  if (passing !== 'reserved' && ageMs > OVERDUE_MS) return { reason: 'overdue', state: 'open' }
  return { reason: passing, state: 'explained' }
}

function passingReason(row: Row, ageMs: number): Reason | undefined {
  if (row.reserve) return 'reserved'
  if (row.open === true) return 'in-flight'
  if (row.feeless === true) return 'fee-not-told'
  return ageMs < JUST_NOW_MS ? 'just-now' : undefined
}

const lastingReason = ({ unbooked, unmoved }: Row): Reason => {
  if (unbooked) return 'not-in-ledger'
  return unmoved ? 'not-at-stripe' : 'amount'
}
