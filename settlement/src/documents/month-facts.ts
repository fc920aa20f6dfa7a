import { sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'
import { type AccountKind, accountId } from '../ledger/accounts.ts'
import type { MonthFacts, UsageFacts } from './facts.ts'
import type { Period } from './month.ts'

/** Whom a month's statement is for. */
export interface MonthParty {
  readonly kind: 'organization' | 'provider'
  readonly id: string
}

/** The accounts that hold what we owe a party; moving money between them changes nothing for it. */
const OWED = {
  organization: ['available', 'held'],
  provider: ['payable', 'held_back', 'payout_in_transit'],
} as const satisfies Record<MonthParty['kind'], readonly AccountKind[]>

/** Every account of a party that its statement speaks of. */
export const accountKindsOf = (kind: MonthParty['kind']): readonly AccountKind[] => [
  ...OWED[kind],
  'debt',
]

/** The transfers of a month, first and last id: found once, so that each party's are a range of an index. */
export interface TransferRange {
  readonly first: bigint
  readonly last: bigint
}

export async function transferRange(db: Database, period: Period): Promise<TransferRange> {
  const [found] = await rows<{ first: string | null; last: string | null }>(
    db,
    sql`select min(id)::text as first, max(id)::text as last from ledger_transfer where ${inPeriod(period)}`,
  )
  return { first: BigInt(found?.first ?? 0), last: BigInt(found?.last ?? -1) }
}

/** What the records say of a party's month. */
export async function monthFacts(
  db: Database,
  party: MonthParty,
  period: Period,
  range: TransferRange,
): Promise<MonthFacts> {
  const owed = OWED[party.kind].map((kind) => accountId(kind, party.id))
  const changes = async (accounts: readonly string[]) => movementsOf(db, accounts, period, range)
  const total = async (kind: AccountKind) =>
    (await changes([accountId(kind, party.id)])).reduce((sum, { amount }) => sum + amount, 0n)
  const usage = await usageOf(db, party, period)
  const movements = await changes(owed)
  const isProvider = party.kind === 'provider'
  const gross = usage.reduce((sum, { amount }) => sum + amount, 0n)
  const earned = movements.find(({ kind }) => kind === 'usage')?.amount ?? 0n
  return {
    usage,
    fee: isProvider ? gross - earned : 0n,
    movements: isProvider ? movements : withoutFee(movements),
    heldBackChange: isProvider ? await total('held_back') : 0n,
    // A debt is what they owe us: a debit balance.
    debtChange: -(await total('debt')),
  }
}

/** What a customer pays is one price: which part of it is our fee is between us and the provider. */
function withoutFee(movements: MonthFacts['movements']): MonthFacts['movements'] {
  const fee = movements.find(({ kind }) => kind === 'platform_fee')?.amount ?? 0n
  const others = movements.filter(({ kind }) => kind !== 'platform_fee' && kind !== 'usage')
  const used = (movements.find(({ kind }) => kind === 'usage')?.amount ?? 0n) + fee
  const all = used === 0n ? others : [...others, { kind: 'usage', amount: used }]
  return all.toSorted((a, b) => (a.kind < b.kind ? -1 : 1))
}

async function movementsOf(
  db: Database,
  accounts: readonly string[],
  period: Period,
  { first, last }: TransferRange,
): Promise<{ kind: string; amount: bigint }[]> {
  const list = sql`any(${textArray(accounts)})`
  const within = sql`id between ${first.toString()}::int8 and ${last.toString()}::int8 and ${inPeriod(period)}`
  const found = await rows<{ kind: string; amount: string }>(
    db,
    sql`select kind, sum(amount)::text as amount from (
        select kind, amount from ledger_transfer where credit = ${list} and ${within}
        union all select kind, -amount from ledger_transfer where debit = ${list} and ${within}) legs
      group by kind having sum(amount) <> 0 order by kind collate "C"`,
  )
  return found.map(({ kind, amount }) => ({ kind, amount: BigInt(amount) }))
}

async function usageOf(db: Database, party: MonthParty, period: Period): Promise<UsageFacts[]> {
  const found = await rows<{ model: string; sessions: number; receipts: number; amount: string }>(
    db,
    sql`select s.model, count(distinct r.session)::int4 as sessions, count(*)::int4 as receipts,
        sum(r.increase)::text as amount
      from settled_session s join settled_receipt r on r.session = s.session
      where ${receiptsOf(party, period)}
      group by s.model order by s.model collate "C"`,
  )
  return found.map(({ amount, ...row }) => ({ ...row, amount: BigInt(amount) }))
}

/** The receipts that moved a party's money in a month, of `settled_session s` and `settled_receipt r`. */
export function receiptsOf({ kind, id }: MonthParty, period: Period) {
  const whose = kind === 'organization' ? sql`s.organization = ${id}` : sql`s.provider = ${id}`
  // A session that was last touched before the month has no receipt in it: the index has it in this order.
  return sql`${whose} and s.updated_at >= ${iso(period.from)}::timestamptz and r.increase > 0
    and r.at >= ${iso(period.from)}::timestamptz and r.at < ${iso(period.to)}::timestamptz`
}

const inPeriod = ({ from, to }: Period) =>
  sql`at >= ${iso(from)}::timestamptz and at < ${iso(to)}::timestamptz`

const iso = (at: number) => new Date(at).toISOString()
