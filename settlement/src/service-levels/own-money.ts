import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import { accountId } from '../ledger/accounts.ts'
import { CENT } from '../ledger/explanation.ts'

/**
 * Credits for missed service levels are for spending: nobody is paid out with them. What is spent counts as spent from them
 * first, so that they stand in the way of a refund no longer than they must. Called once the refund is written down, and
 * before it is posted.
 *
 * @throws {SettlementError} HANSE_REFUND_LIMIT
 */
export async function requireOwnMoney(tx: Database, organization: string): Promise<void> {
  const unspent = await unspentCredits(tx, organization)
  if (unspent === 0n) return
  // The lock of an organization's money: nothing is spent or credited between here and the posting.
  const [found] = await rows<{ left: string }>(
    tx,
    sql`select ((select coalesce(sum(amount), 0) from (
          select credits - debits as amount from ledger_balance
          where account in (${accountId('available', organization)}, ${accountId('held', organization)})
          order by account for update) b)
        - (select coalesce(sum(cents - vat_cents), 0) * ${sql.raw(CENT)} from refund
          where organization = ${organization} and state = 'requested'))::text as left`,
  )
  if (BigInt(found?.left ?? 0) >= unspent) return
  throw new SettlementError(
    'HANSE_REFUND_LIMIT',
    `${unspent} pico-euro of the balance are credits for missed service levels, which are not paid out`,
  )
}

/**
 * What is left of them, less what went into debts: after each credit, all that was credited since then less all that was
 * spent since then, and of these sums the largest.
 */
async function unspentCredits(tx: Database, organization: string): Promise<bigint> {
  const [found] = await rows<{ unspent: string }>(
    tx,
    sql`with c as (select c.decided_at as at, c.amount - coalesce(d.amount, 0) as amount from service_credit c
        left join debt_recovery d on d.organization = c.organization and d.reference = 'service_credit/' || c.id
        where c.organization = ${organization} and c.state = 'posted')
      select greatest(0, coalesce(max(
        (select sum(d.amount) from c d where d.at >= c.at)
        - (select coalesce(sum(r.increase), 0) from settled_session s
            join settled_receipt r on r.session = s.session
            where s.organization = ${organization} and s.updated_at >= c.at and r.at >= c.at)), 0))::text as unspent
      from c`,
  )
  return BigInt(found?.unspent ?? 0)
}
