import { randomUUID } from 'node:crypto'
import { PICO_PER_CENT, picoEuro } from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { recordset } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'
import { payoutRun } from '../db/schema.ts'
import { settleEarnings } from '../earnings/held-earnings.ts'
import type { HoldBackSchedule } from '../earnings/hold-back.ts'
import { accountId } from '../ledger/accounts.ts'
import { postTransfers } from '../ledger/post-transfers.ts'
import { SYSTEM } from '../operators/operator.ts'
import { type PayoutRunRow, toRun } from './payout-run-row.ts'

export interface Gathering {
  /** The least that is paid out, euro cents. */
  readonly minimumCents: bigint
  /** A run of more waits for an operator's approval; null when none does. */
  readonly approvalCents: bigint | null
  readonly holdBack: HoldBackSchedule
  /** EU mode: nothing for who has not said who it is (Art. 30 DSA). */
  readonly tradersOnly: boolean
  /** Id of the operator who asked. */
  readonly by: string
  readonly at: number
}

/** Any number that no other user of the database locks: of two gatherings the second finds what the first left. */
const LOCK = 7_020_118_442n

/**
 * Sets aside the whole cents of every provider that may be paid and is owed at least the minimum; the rest of a cent
 * stays payable. One statement each for the rows and for the postings, however many providers there are.
 *
 * @returns the run, or undefined when nobody is owed enough
 */
export async function gatherPayouts(
  tx: Database,
  gathering: Gathering,
): Promise<PayoutRunRow | undefined> {
  const { at } = gathering
  await tx.execute(sql`select pg_advisory_xact_lock(${LOCK.toString()}::int8)`)
  await settleEarnings(tx, gathering.holdBack, at)
  const due = await duePayouts(tx, gathering)
  if (due.length === 0) return undefined
  const run = await createRun(tx, gathering, due)
  const time = new Date(at).toISOString()
  await tx.execute(
    sql`insert into payout (id, provider, account, cents, state, run, created_at, updated_at)
      select x.id, x.provider, x.account, x.cents, 'pending', ${run.id}, ${time}::timestamptz, ${time}::timestamptz
      from ${recordset(due, 'x(id text, provider text, account text, cents int8)')}`,
  )
  await postTransfers(
    tx,
    due.map(({ id, provider, cents }) => ({
      debit: accountId('payable', provider),
      credit: accountId('payout_in_transit', provider),
      amount: picoEuro(BigInt(cents) * PICO_PER_CENT),
      kind: 'payout',
      reference: id,
    })),
    at,
  )
  return run
}

interface Due {
  readonly id: string
  readonly provider: string
  readonly account: string
  readonly cents: string
}

async function duePayouts(tx: Database, { minimumCents, tradersOnly }: Gathering): Promise<Due[]> {
  const found = await rows<Omit<Due, 'id'>>(
    tx,
    sql`select p.peer_id as provider, p.account,
        trunc((b.credits - b.debits) / ${PICO_PER_CENT.toString()}::numeric)::text as cents
      from ledger_balance b
        join ledger_account a on a.id = b.account and a.kind = 'payable'
        join provider p on p.peer_id = a.owner
      where p.payable_since is not null and p.account is not null
        and b.credits - b.debits >= ${(minimumCents * PICO_PER_CENT).toString()}::numeric
        and not exists (select from payout_hold h where h.provider = p.peer_id and h.released_at is null)
        and not (${tradersOnly} and exists (
          select from trader_suspension t where t.provider = p.peer_id and t.lifted_at is null))
      order by b.account for update of b`,
  )
  return found.map((row) => ({ id: `po-${randomUUID()}`, ...row }))
}

async function createRun(
  tx: Database,
  { approvalCents, by, at }: Gathering,
  due: readonly Due[],
): Promise<PayoutRunRow> {
  const cents = due.reduce((sum, row) => sum + BigInt(row.cents), 0n)
  const alone = approvalCents === null || cents <= approvalCents
  const [row] = await tx
    .insert(payoutRun)
    .values({
      id: `pr-${randomUUID()}`,
      state: alone ? 'approved' : 'gathered',
      payouts: due.length,
      cents,
      gatheredBy: by,
      gatheredAt: new Date(at),
      ...(alone && { decidedBy: SYSTEM.id, decidedAt: new Date(at) }),
    })
    .returning()
  return toRun(row)
}
