import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { accountId } from '../ledger/accounts.ts'
import type { ErasureOrder } from './erasure-store.ts'

interface Blocker {
  /** Counts what stands in the way of the subject `$id` at the time `$at`. */
  readonly select: string
  readonly why: (count: string) => string
}

/** What has to come to its end first: money that is under way needs to know whose it is. */
const BLOCKERS: Readonly<Record<'organization' | 'provider', readonly Blocker[]>> = {
  organization: [
    {
      select: 'spend_authorization where organization = $id and closed_at is null',
      why: (count) =>
        `${count} authorizations still hold money: revoke them; they come free after their expiry and its grace`,
    },
    {
      select: `plan_subscription where organization = $id and status in ('requested', 'incomplete', 'active', 'past_due')`,
      why: () => 'a plan is running: cancel it',
    },
    {
      select: `top_up where organization = $id and state = 'pending' and coalesce(expires_at, 'infinity') > $at`,
      why: (count) => `${count} top-ups are under way: wait for them, or let them expire`,
    },
    {
      select: `refund where organization = $id and state in ('requested', 'submitted')`,
      why: (count) => `${count} refunds are under way: wait for them`,
    },
    {
      select: `dispute where organization = $id and status in ('inquiry', 'needs-response', 'under-review')`,
      why: (count) => `${count} payments are contested: wait for the bank`,
    },
  ],
  provider: [
    {
      select: `payout where provider = $id and state in ('pending', 'submitted')`,
      why: (count) => `${count} payouts are under way: wait for them`,
    },
    {
      select: 'spend_authorization where provider = $id and closed_at is null',
      why: (count) => `${count} authorizations are open: release them`,
    },
  ],
}

const MONEY = { organization: 'available', provider: 'payable' } as const

/** Why a subject cannot be erased now, each with what to do; a person can, but for being a last owner. */
export async function blockersOf(
  tx: Database,
  { subject: { kind, id }, at, givesUpBalance }: ErasureOrder,
): Promise<string[]> {
  if (kind === 'person') return []
  const why: string[] = []
  for (const blocker of BLOCKERS[kind]) {
    const parts = blocker.select.split(/(\$id|\$at)/u).map((part) => {
      if (part === '$id') return sql`${id}`
      if (part === '$at') return sql`${new Date(at).toISOString()}::timestamptz`
      return sql.raw(part)
    })
    const [row] = await rows<{ count: string }>(
      tx,
      sql`select count(*)::text as count from ${sql.join(parts)}`,
    )
    if (row !== undefined && row.count !== '0') why.push(blocker.why(row.count))
  }
  const [left] = await rows<{ cents: string }>(
    tx,
    sql`select trunc((credits - debits) / 10000000000)::text as cents from ledger_balance
      where account = ${accountId(MONEY[kind], id)} and credits > debits`,
  )
  if (left !== undefined && left.cents !== '0' && !givesUpBalance) {
    why.push(`${left.cents} cents are left: have them paid out, or say that they are given up`)
  }
  return why
}
