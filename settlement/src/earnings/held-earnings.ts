import { randomUUID } from 'node:crypto'
import { picoEuro } from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { recordset } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'
import { accountId } from '../ledger/accounts.ts'
import { postTransfers } from '../ledger/post-transfers.ts'
import { type HoldBackSchedule, holdBack } from './hold-back.ts'
import { recoverDebts } from './recover-debts.ts'

const DAY_MS = 86_400_000

/**
 * Brings what providers are owed up to date, inside the transaction that pays it out, or by itself: what waited long
 * enough becomes payable, debts are taken from what is payable, and of what is newly earned the schedule's share begins
 * to wait. Set-based: booking receipts knows nothing of it.
 */
export async function settleEarnings(
  tx: Database,
  schedule: HoldBackSchedule,
  at: number,
): Promise<void> {
  await lockProviders(tx)
  await release(tx, at)
  await recoverDebts(tx, at)
  await holdBackNews(tx, schedule, at)
}

/** All that is moved here, at once and in the order of bookings: what is locked part by part can deadlock with them. */
async function lockProviders(tx: Database): Promise<void> {
  await tx.execute(
    sql`select b.account from ledger_balance b
        join ledger_account a on a.id = b.account
        join provider p on p.peer_id = a.owner
      where a.kind in ('debt', 'held_back', 'payable') order by b.account for update of b`,
  )
}

async function release(tx: Database, at: number): Promise<void> {
  const due = await rows<{ id: string; provider: string; amount: string }>(
    tx,
    sql`update held_earnings set released_at = ${iso(at)}::timestamptz
      where released_at is null and free_at <= ${iso(at)}::timestamptz
      returning id, provider, amount::text as amount`,
  )
  await postTransfers(
    tx,
    due.map(({ id, provider, amount }) => ({
      debit: accountId('held_back', provider),
      credit: accountId('payable', provider),
      amount: picoEuro(BigInt(amount)),
      kind: 'hold_back_release',
      reference: id,
    })),
    at,
  )
}

interface Earnings {
  readonly provider: string
  /** All that was ever earned, pico-euro. */
  readonly earned: string
  /** How much of it the schedule has seen. */
  readonly seen: string
  readonly since: string | null
  /** Payable now. */
  readonly payable: string
}

async function holdBackNews(tx: Database, schedule: HoldBackSchedule, at: number): Promise<void> {
  const news = await unseenEarnings(tx)
  if (news.length === 0) return
  await tx.execute(
    sql`insert into provider_earnings (provider, earned, since)
      select x.provider, x.earned, ${iso(at)}::timestamptz
      from ${recordset(news, 'x(provider text, earned numeric)')}
      order by x.provider
      on conflict (provider) do update set earned = excluded.earned`,
  )
  const held = news.flatMap((row) => heldOf(row, schedule, at))
  if (held.length === 0) return
  await tx.execute(
    sql`insert into held_earnings (id, provider, amount, share_bps, days, earned_on, free_at)
      select x.id, x.provider, x.amount, x.bps, x.days, ${iso(at)}::timestamptz, x.free
      from ${recordset(held, 'x(id text, provider text, amount numeric, bps int4, days int4, free timestamptz)')}`,
  )
  await postTransfers(
    tx,
    held.map(({ id, provider, amount }) => ({
      debit: accountId('payable', provider),
      credit: accountId('held_back', provider),
      amount: picoEuro(BigInt(amount)),
      kind: 'hold_back',
      reference: id,
    })),
    at,
  )
}

/**
 * What was earned is what came into `payable`, less what came back into it. The account is locked first, and only then
 * are transfers read: what its rollup holds has then been committed with its transfers.
 */
async function unseenEarnings(tx: Database): Promise<Earnings[]> {
  await tx.execute(
    sql`select b.account from ledger_balance b join ledger_account a on a.id = b.account
      where a.kind = 'payable' order by b.account for update of b`,
  )
  return rows<Earnings>(
    tx,
    sql`select * from (
        select a.owner as provider, (b.credits - coalesce(r.amount, 0))::text as earned,
          coalesce(e.earned, 0)::text as seen, e.since::text as since,
          (b.credits - b.debits)::text as payable
        from ledger_account a
          join ledger_balance b on b.account = a.id
          join provider p on p.peer_id = a.owner
          left join provider_earnings e on e.provider = a.owner
          left join (select credit, sum(amount) as amount from ledger_transfer
            where kind <> 'usage' and starts_with(credit, 'payable/') group by credit) r on r.credit = a.id
        where a.kind = 'payable') x
      where x.earned::numeric > x.seen::numeric`,
  )
}

function heldOf(row: Earnings, schedule: HoldBackSchedule, at: number) {
  const before = BigInt(row.seen)
  const since = row.since === null ? at : Date.parse(row.since)
  let left = BigInt(row.payable)
  const earned = { ageMs: at - since, before, now: BigInt(row.earned) - before }
  return holdBack(schedule, earned).flatMap(({ amount, shareBps, days }) => {
    // A debt came first: nothing can wait that is not there.
    const part = amount < left ? amount : left
    left -= part
    if (part === 0n) return []
    return [
      {
        id: `he-${randomUUID()}`,
        provider: row.provider,
        amount: part.toString(),
        bps: shareBps,
        days,
        free: iso(at + days * DAY_MS),
      },
    ]
  })
}

const iso = (at: number) => new Date(at).toISOString()
