import { PICO_PER_CENT, type PicoEuro, picoEuro } from '@hanse/protocol'
import { and, asc, desc, eq, isNull, lte, or } from 'drizzle-orm'
import { tell } from '../billing/notice-store.ts'
import { type CreditedPayment, goneBack, lockPayment } from '../billing/payment.ts'
import { postCredits, takeFunds } from '../billing/post-credits.ts'
import { vatShare } from '../billing/vat-share.ts'
import { type Database, transact } from '../db/database.ts'
import { refund, topUp } from '../db/schema.ts'
import { olderThan, type TimeCursor } from '../db/time-cursor.ts'
import { SettlementError } from '../errors.ts'
import {
  type AccountId,
  accountId,
  CLEARING,
  LOSSES,
  type Transfer,
  type TransferKind,
  VAT,
} from '../ledger/accounts.ts'
import { requireOwnMoney } from '../service-levels/own-money.ts'

/**
 * `requested` is set aside, `submitted` has left Stripe's balance, `succeeded` has reached the customer. `refused` never
 * left; `failed` came back.
 */
export type RefundState = 'requested' | 'submitted' | 'succeeded' | 'refused' | 'failed'

export interface NewRefund {
  readonly id: string
  readonly organization: string
  readonly idempotencyKey: string
  readonly requestDigest: string
  readonly topUp: string
  /** VAT included. */
  readonly cents: bigint
  readonly at: number
}

export interface RefundRow {
  readonly id: string
  readonly organization: string
  readonly paymentIntent: string
  readonly cents: bigint
  readonly vatCents: bigint
  readonly state: RefundState
  /** Stripe's id. */
  readonly refund: string | null
  readonly failure: string | null
  readonly createdAt: number
}

/** A refund as Stripe tells it now. */
export interface RefundNews {
  readonly refund: string
  /** Id of our row, when this service asked for it. */
  readonly operation: string | null
  readonly paymentIntent: string
  readonly cents: bigint
  readonly status: 'pending' | 'succeeded' | 'failed' | 'canceled'
  readonly failure: string | null
  /** Its payment is of a plan of ours: when it is not in the books yet, the news must come again. */
  readonly isExpected?: boolean
  readonly at: number
}

type Stored = typeof refund.$inferSelect

export function refundStore(db: Database) {
  return {
    /**
     * Sets aside what is to go back, before Stripe is asked, or finds what the key set aside before.
     *
     * @throws {SettlementError} HANSE_NOT_FOUND, HANSE_REFUND_LIMIT, HANSE_BALANCE_INSUFFICIENT, HANSE_IDEMPOTENCY_KEY
     */
    beginRefund: (given: NewRefund): Promise<RefundRow> => transact(db, (tx) => begin(tx, given)),

    refund: async (id: string): Promise<RefundRow | undefined> => {
      const [row] = await db.select().from(refund).where(eq(refund.id, id))
      return row && toRefund(row)
    },

    /** Newest first. */
    refunds: async (query: {
      organization?: string
      before?: TimeCursor
      limit: number
    }): Promise<RefundRow[]> =>
      (
        await db
          .select()
          .from(refund)
          .where(
            and(
              query.organization === undefined
                ? undefined
                : eq(refund.organization, query.organization),
              olderThan({ at: refund.createdAt, id: refund.id }, query.before),
            ),
          )
          .orderBy(desc(refund.createdAt), desc(refund.id))
          .limit(query.limit)
      ).map(toRefund),

    /** Those that Stripe was asked for and did not answer, oldest first. */
    openRefunds: async (createdBefore: number, limit: number): Promise<RefundRow[]> =>
      (
        await db
          .select()
          .from(refund)
          .where(and(eq(refund.state, 'requested'), lte(refund.createdAt, new Date(createdBefore))))
          .orderBy(asc(refund.createdAt), asc(refund.id))
          .limit(limit)
      ).map(toRefund),

    /** Takes a refund for one attempt at Stripe, unless another process has it. */
    leaseRefund: async (id: string, until: number, at: number): Promise<boolean> => {
      const taken = await db
        .update(refund)
        .set({ leasedUntil: new Date(until) })
        .where(
          and(
            eq(refund.id, id),
            eq(refund.state, 'requested'),
            or(isNull(refund.leasedUntil), lte(refund.leasedUntil, new Date(at))),
          ),
        )
        .returning({ id: refund.id })
      return taken.length > 0
    },

    /** The attempt ended without an answer: the next may ask again. */
    returnRefund: async (id: string): Promise<void> => {
      await db.update(refund).set({ leasedUntil: null }).where(eq(refund.id, id))
    },

    /** Stripe will not: what was set aside comes free. */
    refuseRefund: (id: string, failure: string, at: number): Promise<void> =>
      transact(db, async (tx) => {
        const [row] = await tx
          .update(refund)
          .set({ state: 'refused', failure, updatedAt: new Date(at) })
          .where(and(eq(refund.id, id), eq(refund.state, 'requested')))
          .returning()
        if (row !== undefined) await post(tx, released(row), at)
      }),
  }
}

async function begin(tx: Database, given: NewRefund): Promise<RefundRow> {
  const { organization, idempotencyKey, requestDigest, cents, id, at } = given
  const [paid] = await tx.select().from(topUp).where(eq(topUp.id, given.topUp))
  const intent = paid?.organization === organization ? paid.paymentIntent : null
  const payment = intent === null ? undefined : await lockPayment(tx, intent)
  if (payment === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such paid top-up')
  const [known] = await tx
    .select()
    .from(refund)
    .where(and(eq(refund.organization, organization), eq(refund.idempotencyKey, idempotencyKey)))
  if (known !== undefined) {
    if (known.requestDigest === requestDigest) return toRefund(known)
    throw new SettlementError('HANSE_IDEMPOTENCY_KEY', 'this key was used for another request')
  }
  const already = await goneBack(tx, payment.paymentIntent)
  if (already.cents + cents > payment.cents) {
    throw new SettlementError(
      'HANSE_REFUND_LIMIT',
      `${payment.cents - already.cents} cents are left`,
    )
  }
  const [row] = await tx
    .insert(refund)
    .values({
      id,
      organization,
      idempotencyKey,
      requestDigest,
      paymentIntent: payment.paymentIntent,
      cents,
      vatCents: vatShare(payment, already, cents),
      state: 'requested',
      createdAt: new Date(at),
      updatedAt: new Date(at),
    })
    .returning()
  if (row === undefined) throw new SettlementError('HANSE_INTERNAL', 'the refund was not stored')
  await requireOwnMoney(tx, organization)
  const available = accountId('available', organization)
  await post(tx, [leg('hold', available, heldBy(row), netOf(row), id)], at)
  return toRefund(row)
}

/**
 * Takes note of what Stripe says of a refund, whoever asked for it, inside the transaction of what tells of it.
 *
 * @throws {SettlementError} HANSE_INTERNAL when its payment is expected and not there yet
 */
export async function applyRefund(tx: Database, news: RefundNews): Promise<void> {
  const payment = await lockPayment(tx, news.paymentIntent)
  if (payment === undefined) {
    if (news.isExpected !== true) return
    throw new SettlementError(
      'HANSE_INTERNAL',
      `refund ${news.refund}: its payment is not credited`,
    )
  }
  const [row] = await tx
    .select()
    .from(refund)
    .where(
      or(
        eq(refund.refund, news.refund),
        news.operation === null ? undefined : eq(refund.id, news.operation),
      ),
    )
    .for('update')
  const returned = news.status === 'failed' || news.status === 'canceled'
  if (row === undefined) return adopt(tx, payment, news, returned)
  if (row.state === 'failed') return
  if (row.state === 'refused') return takeAfterAll(tx, payment, row, news, returned)
  const done = news.status === 'succeeded' || row.state === 'succeeded' ? 'succeeded' : 'submitted'
  const state = returned ? 'failed' : done
  await tx
    .update(refund)
    .set({ state, refund: news.refund, failure: news.failure, updatedAt: new Date(news.at) })
    .where(eq(refund.id, row.id))
  if (row.state === 'requested') {
    await post(tx, returned ? released(row) : submitted(row), news.at)
  } else if (returned) {
    await post(tx, reversed(row), news.at)
  }
  if (returned) await tell(tx, row.organization, 'refund-failed', row.id, news.at)
}

/**
 * Somebody has made it at Stripe: what the customer has spent already is the platform's loss. One that has come back
 * already is written down too, so that older news of it find it ended.
 */
async function adopt(
  tx: Database,
  payment: CreditedPayment,
  news: RefundNews,
  returned: boolean,
): Promise<void> {
  const { organization, paymentIntent } = payment
  const id = `re-${news.refund}`
  const { set, transfers } = await unheld(tx, payment, { ...news, id }, returned)
  await tx
    .insert(refund)
    .values({ id, organization, paymentIntent, createdAt: set.updatedAt, ...set })
  await post(tx, transfers, news.at)
}

/** We took it for refused, and what was set aside for it came free; Stripe made it all the same. */
async function takeAfterAll(
  tx: Database,
  payment: CreditedPayment,
  { id, organization }: Stored,
  news: RefundNews,
  returned: boolean,
): Promise<void> {
  const { set, transfers } = await unheld(tx, payment, { ...news, id }, returned)
  await tx.update(refund).set(set).where(eq(refund.id, id))
  await post(tx, transfers, news.at)
  if (returned) await tell(tx, organization, 'refund-failed', id, news.at)
}

/** What a refund comes to for which nothing is set aside. */
async function unheld(
  tx: Database,
  payment: CreditedPayment,
  news: RefundNews & { readonly id: string },
  returned: boolean,
) {
  const { organization, paymentIntent } = payment
  const { id, cents, failure, at } = news
  const already = await goneBack(tx, paymentIntent)
  const vatCents = returned ? 0n : vatShare(payment, already, cents)
  const net = picoEuro(returned ? 0n : (cents - vatCents) * PICO_PER_CENT)
  const taken = await takeFunds(tx, organization, net)
  const out = news.status === 'succeeded' ? ('succeeded' as const) : ('submitted' as const)
  const state = returned ? ('failed' as const) : out
  const set = { cents, vatCents, lost: taken.missing, state, refund: news.refund, failure }
  const transfers = [
    leg('refund', accountId('available', organization), CLEARING, taken.available, id),
    leg('refund', LOSSES, CLEARING, taken.missing, id),
    leg('refund', VAT, CLEARING, picoEuro(vatCents * PICO_PER_CENT), id),
  ]
  return { set: { ...set, updatedAt: new Date(at) }, transfers }
}

const released = (row: Stored) => [
  leg('release', heldBy(row), accountId('available', row.organization), netOf(row), row.id),
]

const submitted = (row: Stored) => [
  leg('refund', heldBy(row), CLEARING, netOf(row), row.id),
  leg('refund', VAT, CLEARING, vatOf(row), row.id),
]

const reversed = (row: Stored) => {
  const spendable = picoEuro(netOf(row) - row.lost)
  const available = accountId('available', row.organization)
  return [
    leg('refund_reversal', CLEARING, available, spendable, row.id),
    leg('refund_reversal', CLEARING, VAT, vatOf(row), `${row.id}/vat`),
    leg('refund_reversal', CLEARING, LOSSES, picoEuro(row.lost), `${row.id}/lost`),
  ]
}

const leg = (
  kind: TransferKind,
  debit: AccountId,
  credit: AccountId,
  amount: PicoEuro,
  reference: string,
): Transfer => ({ kind, debit, credit, amount, reference })

const post = (tx: Database, transfers: readonly Transfer[], at: number) =>
  postCredits(
    tx,
    transfers.filter(({ amount }) => amount > 0n),
    at,
  )

const heldBy = ({ organization }: Stored) => accountId('held', organization)
const netOf = ({ cents, vatCents }: Stored) => picoEuro((cents - vatCents) * PICO_PER_CENT)
const vatOf = ({ vatCents }: Stored) => picoEuro(vatCents * PICO_PER_CENT)

function toRefund(row: Stored): RefundRow {
  const { id, organization, paymentIntent, cents, vatCents, state, failure } = row
  return {
    id,
    organization,
    paymentIntent,
    cents,
    vatCents,
    state,
    refund: row.refund,
    failure,
    createdAt: row.createdAt.getTime(),
  }
}
