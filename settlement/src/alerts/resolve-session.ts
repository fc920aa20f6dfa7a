import {
  decodeCanonical,
  decodeLine,
  type PicoEuro,
  picoEuro,
  type Receipt,
  receipt,
} from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import { accountId, REVENUE, type Transfer } from '../ledger/accounts.ts'
import { postTransfers } from '../ledger/post-transfers.ts'
import { feeOf } from '../receipts/decide-booking.ts'
import { LINES_BYTES_MAX } from '../receipts/statement-batch.ts'
import { decodeSigned } from '../receipts/submission.ts'

/** What became of a frozen session. */
export interface Resolution {
  readonly session: string
  /** CID of the receipt that stands. */
  readonly kept: string
  /** Pico-euro that were booked on top of what was booked before. */
  readonly increase: PicoEuro
  /** Alerts of the session, on other numbers, that nobody has decided on; while there is one, it stays frozen. */
  readonly open: number
}

type Counts = Pick<
  Receipt,
  'inputTokens' | 'cachedInputTokens' | 'outputTokens' | 'amount' | 'final'
>

interface FrozenSession {
  readonly session: string
  readonly serial: string | null
  readonly organization: string | null
  readonly provider: string
  readonly sequence: string
  readonly receipt: string
  readonly amount: string
  readonly fee: string
  readonly fee_bps: number
}

interface Evidence {
  readonly sequence: string
  readonly signed: Uint8Array | null
  readonly statement: string | null
  readonly lines: Uint8Array | null
  readonly order_cid: string
}

/**
 * Decides which of the receipts with one number stands, and lets the session go on once each of its numbers is decided on.
 * What is booked stays booked: where the other receipt says more, the difference is booked like any increase; where it says
 * less, nobody's money is taken back without an adjustment.
 *
 * @param keep CID of the receipt that is booked and contradicted, or of one that contradicts it
 * @throws {SettlementError} HANSE_NOT_FOUND, HANSE_RESOLUTION_INVALID, HANSE_RESOLUTION_NEGATIVE, HANSE_HOLD_RELEASED,
 * HANSE_RECEIPT_LIMIT
 */
export function resolveSession(
  db: Database,
  session: string,
  keep: string,
  at: number,
): Promise<Resolution> {
  return transact(db, async (tx) => {
    const frozen = await lockFrozen(tx, session)
    await decideAlerts(tx, session, keep, at)
    const booked = await rows(
      tx,
      sql`select 1 from settled_receipt where session = ${session} and cid = ${keep}`,
    )
    const increase = booked.length > 0 ? picoEuro(0n) : await replace(tx, frozen, keep, at)
    return { session, kept: keep, increase, open: await unfreeze(tx, session, at) }
  })
}

/** One decision is on all that was signed under the number of the receipt that stands, and on no other number. */
async function decideAlerts(
  tx: Database,
  session: string,
  keep: string,
  at: number,
): Promise<void> {
  const when = new Date(at).toISOString()
  const decided = await rows(
    tx,
    sql`with one as (
        select sequence, cid from settled_receipt where session = ${session}
        union all select sequence, cid from receipt_conflict where session = ${session})
      update alert set resolved_at = ${when}::timestamptz
      where subject = ${session} and resolved_at is null and contradicting in (
        select cid from one where sequence in (select sequence from one where cid = ${keep}))
      returning id`,
  )
  if (decided.length > 0) return
  throw new SettlementError('HANSE_RESOLUTION_INVALID', `${keep} is in no open conflict`)
}

/** @returns how many alerts are open; with none, the session goes on */
async function unfreeze(tx: Database, session: string, at: number): Promise<number> {
  const left = await rows(
    tx,
    sql`select id from alert where subject = ${session} and resolved_at is null`,
  )
  const when = new Date(at).toISOString()
  await tx.execute(sql`update settled_session set updated_at = ${when}::timestamptz,
    frozen_at = case when ${left.length === 0}::boolean then null else frozen_at end
    where session = ${session}`)
  return left.length
}

/** In the order of a booking: the authorization, the pair, then the session. */
async function lockFrozen(tx: Database, session: string): Promise<FrozenSession> {
  await tx.execute(sql`select serial from spend_authorization where serial =
    (select authorization_serial from settled_session where session = ${session}) for update`)
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(provider || '/' || consumer, 0))
    from settled_session where session = ${session}`)
  const [row] = await rows<FrozenSession & { frozen: boolean }>(
    tx,
    sql`select session, authorization_serial::text as serial, organization, provider, sequence::text, receipt,
      amount::text, fee::text, fee_bps, frozen_at is not null as frozen
      from settled_session where session = ${session} for update`,
  )
  if (row === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such session')
  if (!row.frozen) throw new SettlementError('HANSE_RESOLUTION_INVALID', 'it is not frozen')
  return row
}

/** Puts the receipt that contradicts in the place of the one that is booked, which becomes the evidence. */
async function replace(
  tx: Database,
  frozen: FrozenSession,
  keep: string,
  at: number,
): Promise<PicoEuro> {
  const { session } = frozen
  const evidence = await evidenceOf(tx, session, keep)
  const when = new Date(at).toISOString()
  const isLast = evidence.sequence === frozen.sequence
  // A receipt before the last one has been overtaken: what the last one says is what both sides signed since.
  const counts = countsOf(evidence, keep)
  const increase = isLast ? await bookIncrease(tx, frozen, keep, counts, at) : picoEuro(0n)
  if (!isLast && counts.amount > BigInt(frozen.amount)) {
    throw new SettlementError('HANSE_RESOLUTION_INVALID', 'a later receipt says less than this one')
  }
  const seat = sql`session = ${session} and sequence = ${evidence.sequence}::int8`
  await tx.execute(sql`insert into receipt_conflict (session, sequence, cid, signed, statement, at)
    select session, sequence, cid, signed, statement, ${when}::timestamptz from settled_receipt where ${seat}
    on conflict do nothing`)
  await tx.execute(sql`update settled_receipt r set cid = c.cid, signed = c.signed, statement = c.statement,
    amount = ${counts.amount.toString()}::numeric, increase = r.increase + ${increase.toString()}::numeric,
    booked_by = pg_current_xact_id()::text::bigint
    from receipt_conflict c where r.session = c.session and r.sequence = c.sequence and c.cid = ${keep}
      and r.session = ${session} and r.sequence = ${evidence.sequence}::int8`)
  return increase
}

async function bookIncrease(
  tx: Database,
  frozen: FrozenSession,
  keep: string,
  counts: Counts,
  at: number,
): Promise<PicoEuro> {
  const increase = picoEuro(counts.amount - BigInt(frozen.amount))
  if (increase < 0n) {
    throw new SettlementError(
      'HANSE_RESOLUTION_NEGATIVE',
      `${increase} pico-euro on what is booked`,
    )
  }
  const fee = feeOf(counts.amount, frozen.fee_bps)
  if (increase > 0n) await spend(tx, frozen, keep, { increase, fee }, at)
  await tx.execute(sql`update settled_session set receipt = ${keep}, amount = ${counts.amount.toString()}::numeric,
    fee = ${fee.toString()}::numeric, input_tokens = ${counts.inputTokens.toString()}::int8,
    cached_input_tokens = ${counts.cachedInputTokens.toString()}::int8,
    output_tokens = ${counts.outputTokens.toString()}::int8, final = ${counts.final}
    where session = ${frozen.session}`)
  return increase
}

async function spend(
  tx: Database,
  { serial, organization, provider, fee: before }: FrozenSession,
  reference: string,
  { increase, fee }: { increase: PicoEuro; fee: PicoEuro },
  at: number,
): Promise<void> {
  const [row] = await rows<{ remaining: string; closed: boolean }>(
    tx,
    sql`select (amount_limit - spent - released)::text as remaining, closed_at is not null as closed
      from spend_authorization where serial = ${serial}::int8`,
  )
  if (row === undefined || row.closed) {
    throw new SettlementError('HANSE_HOLD_RELEASED', 'what was left of the hold was given back')
  }
  if (increase > BigInt(row.remaining)) {
    throw new SettlementError('HANSE_RECEIPT_LIMIT', `${row.remaining} pico-euro are left`)
  }
  await tx.execute(sql`update spend_authorization set spent = spent + ${increase.toString()}::numeric
    where serial = ${serial}::int8`)
  const debit = accountId('held', organization ?? '')
  const fees = picoEuro(fee - BigInt(before))
  const transfers: Transfer[] = [
    {
      debit,
      credit: accountId('payable', provider),
      amount: picoEuro(increase - fees),
      kind: 'usage',
      reference,
    },
    { debit, credit: REVENUE, amount: fees, kind: 'platform_fee', reference },
  ]
  await postTransfers(
    tx,
    transfers.filter(({ amount }) => amount > 0n),
    at,
  )
}

async function evidenceOf(tx: Database, session: string, keep: string): Promise<Evidence> {
  const [row] = await rows<Evidence>(
    tx,
    sql`select c.sequence::text, c.signed, c.statement, s.lines, coalesce(o.order_cid, o.session) as order_cid
      from receipt_conflict c join settled_session o on o.session = c.session
      left join settled_statement s on s.cid = c.statement
      where c.session = ${session} and c.cid = ${keep}`,
  )
  if (row === undefined) {
    throw new SettlementError('HANSE_RESOLUTION_INVALID', `${keep} is no receipt of this session`)
  }
  return row
}

function countsOf({ signed, lines, order_cid }: Evidence, keep: string): Counts {
  if (signed !== null) return receipt.decode(decodeSigned(Uint8Array.from(signed)).bytes)
  const all = decodeCanonical(Uint8Array.from(lines ?? []), LINES_BYTES_MAX) as Uint8Array[]
  const line = all
    .map(decodeLine)
    .find((one) => one.order.toString() === order_cid && one.receipt.toString() === keep)
  if (line === undefined) throw new Error('a statement without the line that it was kept for')
  return line
}
