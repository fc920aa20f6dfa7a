import { PICO_PER_CENT, type PicoEuro, picoEuro } from '@hanse/protocol'
import { and, desc, eq } from 'drizzle-orm'
import { tell } from '../billing/notice-store.ts'
import { type CreditedPayment, goneBack, lockPayment } from '../billing/payment.ts'
import { postCredits, takeFunds } from '../billing/post-credits.ts'
import { vatShare } from '../billing/vat-share.ts'
import type { Database } from '../db/database.ts'
import { dispute, disputeMovement } from '../db/schema.ts'
import { olderThan, type TimeCursor } from '../db/time-cursor.ts'
import { SettlementError } from '../errors.ts'
import { type AccountId, accountId, CLEARING, type Transfer, VAT } from '../ledger/accounts.ts'
import type { DisputeState } from '../stripe/index.ts'
import { type DisputeStanding, mergeDispute } from './merge-dispute.ts'

/** A dispute as Stripe tells it now. */
export interface DisputeNews extends DisputeStanding {
  readonly id: string
  readonly paymentIntent: string
  readonly cents: bigint
  readonly reason: string
  readonly evidenceDueMs: number | null
  readonly createdMs: number
  readonly at: number
}

export interface DisputeRow extends DisputeStanding {
  readonly id: string
  readonly organization: string
  readonly paymentIntent: string
  readonly cents: bigint
  readonly reason: string
  /** Milliseconds since 1970. */
  readonly evidenceDueAt: number | null
  readonly createdAt: number
  readonly updatedAt: number
}

type Stored = typeof dispute.$inferSelect

export function disputeStore(db: Database) {
  return {
    /** Newest first; of one organization, or of all. */
    disputes: async (query: {
      organization?: string
      status?: DisputeState['status']
      before?: TimeCursor
      limit: number
    }): Promise<DisputeRow[]> =>
      (
        await db
          .select()
          .from(dispute)
          .where(
            and(
              query.organization === undefined
                ? undefined
                : eq(dispute.organization, query.organization),
              query.status === undefined ? undefined : eq(dispute.status, query.status),
              olderThan({ at: dispute.createdAt, id: dispute.id }, query.before),
            ),
          )
          .orderBy(desc(dispute.createdAt), desc(dispute.id))
          .limit(query.limit)
      ).map(toDispute),
    dispute: async (id: string): Promise<DisputeRow | undefined> => {
      const [row] = await db.select().from(dispute).where(eq(dispute.id, id))
      return row && toDispute(row)
    },
  }
}

/**
 * Takes what Stripe withdrew from the organization, and gives back what Stripe gave back; what the organization has not
 * got it owes. Inside the transaction of what tells of it.
 */
export async function applyDispute(tx: Database, news: DisputeNews): Promise<void> {
  const payment = await lockPayment(tx, news.paymentIntent)
  // A payment that is not ours, or was never credited: nobody here has the money.
  if (payment === undefined) return
  const { row: before, isNew } = await stored(tx, news, payment)
  const next = mergeDispute(isNew ? undefined : before, news)
  const vatCents = await vatOf(tx, payment, before, next)
  const change = {
    withdrawn: next.withdrawnCents - before.withdrawnCents,
    fee: next.feeCents - before.feeCents,
    vat: vatCents - before.vatCents,
  }
  const moved = change.withdrawn !== 0n || change.fee !== 0n
  const moves = before.moves + (moved ? 1 : 0)
  await tx
    .update(dispute)
    .set({
      ...next,
      vatCents,
      moves,
      ...(news.evidenceDueMs !== null && { evidenceDueAt: new Date(news.evidenceDueMs) }),
      updatedAt: new Date(news.at),
    })
    .where(eq(dispute.id, news.id))
  if (before.moves === 0 && moved) await tell(tx, payment.organization, 'dispute', news.id, news.at)
  if (!moved) return
  const amount = pico(change.withdrawn + change.fee - change.vat)
  await move(tx, { ...news, number: moves, payment, amount, vat: pico(change.vat) })
}

async function stored(
  tx: Database,
  news: DisputeNews,
  { organization }: CreditedPayment,
): Promise<{ row: Stored; isNew: boolean }> {
  const { id, paymentIntent, cents, reason, status } = news
  const inserted = await tx
    .insert(dispute)
    .values({
      id,
      organization,
      paymentIntent,
      cents,
      reason,
      status,
      createdAt: new Date(news.createdMs),
      updatedAt: new Date(news.at),
    })
    .onConflictDoNothing()
    .returning({ id: dispute.id })
  const [row] = await tx.select().from(dispute).where(eq(dispute.id, id)).for('update')
  if (row === undefined) throw new SettlementError('HANSE_INTERNAL', `dispute ${id} is not there`)
  return { row, isNew: inserted.length > 0 }
}

/** What leaves takes its share of the VAT along, and what returns brings the same share back. */
async function vatOf(
  tx: Database,
  payment: CreditedPayment,
  before: Stored,
  { withdrawnCents }: DisputeStanding,
): Promise<bigint> {
  const more = withdrawnCents - before.withdrawnCents
  if (more > 0n) {
    const already = await goneBack(tx, payment.paymentIntent)
    return before.vatCents + vatShare(payment, already, more)
  }
  return before.withdrawnCents === 0n
    ? 0n
    : (before.vatCents * withdrawnCents) / before.withdrawnCents
}

interface Movement {
  readonly id: string
  readonly number: number
  readonly payment: CreditedPayment
  /** The organization's part; below zero when it comes back. */
  readonly amount: bigint
  readonly vat: bigint
  readonly at: number
}

async function move(tx: Database, movement: Movement): Promise<void> {
  const { id, number, amount, vat, at } = movement
  const { organization } = movement.payment
  const available = accountId('available', organization)
  const debt = accountId('debt', organization)
  const reference = `${id}/${number}`
  const taken =
    amount > 0n
      ? await takeFunds(tx, organization, picoEuro(amount))
      : { available: picoEuro(0n), missing: picoEuro(0n) }
  await tx.insert(disputeMovement).values({
    dispute: id,
    number,
    organization,
    available: amount > 0n ? taken.available : amount,
    debt: taken.missing,
    vat,
    at: new Date(at),
  })
  const legs = [
    out(available, taken.available, reference),
    out(debt, taken.missing, reference),
    out(VAT, positive(vat), reference),
    back(available, positive(-amount), reference),
    back(VAT, positive(-vat), `${reference}/vat`),
  ]
  await postCredits(
    tx,
    legs.filter((leg) => leg.amount > 0n),
    at,
  )
}

const out = (debit: AccountId, amount: PicoEuro, reference: string): Transfer => ({
  debit,
  credit: CLEARING,
  amount,
  kind: 'dispute',
  reference,
})

const back = (credit: AccountId, amount: PicoEuro, reference: string): Transfer => ({
  debit: CLEARING,
  credit,
  amount,
  kind: 'dispute_reversal',
  reference,
})

const pico = (cents: bigint): bigint => cents * PICO_PER_CENT
const positive = (value: bigint): PicoEuro => picoEuro(value > 0n ? value : 0n)

function toDispute(row: Stored): DisputeRow {
  const { id, organization, paymentIntent, cents, reason, status, withdrawnCents, feeCents } = row
  return {
    id,
    organization,
    paymentIntent,
    cents,
    reason,
    status,
    withdrawnCents,
    feeCents,
    evidenceDueAt: row.evidenceDueAt?.getTime() ?? null,
    createdAt: row.createdAt.getTime(),
    updatedAt: row.updatedAt.getTime(),
  }
}
