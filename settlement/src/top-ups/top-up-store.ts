import { PICO_PER_CENT, picoEuro } from '@hanse/protocol'
import { and, asc, desc, eq, gt, gte, isNull, lte, ne, or } from 'drizzle-orm'
import { postCredits } from '../billing/post-credits.ts'
import { type Database, transact } from '../db/database.ts'
import { topUp } from '../db/schema.ts'
import { olderThan, type TimeCursor } from '../db/time-cursor.ts'
import { SettlementError } from '../errors.ts'
import { accountId, CLEARING, STRIPE_FEES, type Transfer, VAT } from '../ledger/accounts.ts'
import { postTransfers } from '../ledger/post-transfers.ts'
import { noteAutomatic } from './note-automatic.ts'

/** `direct` charges a payment method that was named, `checkout` is paid on Stripe's page. */
export type TopUpSource = 'direct' | 'checkout' | 'automatic'

export interface NewTopUp {
  readonly id: string
  readonly organization: string
  readonly idempotencyKey: string
  readonly requestDigest: string
  /** What is charged, VAT included. */
  readonly cents: bigint
  readonly source?: TopUpSource
  readonly paymentMethod?: string
  readonly vatCents?: bigint
  /** Why it carries that VAT, as JSON. */
  readonly tax?: string
  readonly at: number
}

export interface TopUpRow {
  readonly id: string
  readonly organization: string
  readonly source: TopUpSource
  readonly cents: bigint
  readonly vatCents: bigint
  readonly state: 'pending' | 'succeeded' | 'failed'
  readonly paymentMethod: string | null
  readonly paymentIntent: string | null
  readonly checkout: string | null
  readonly checkoutUrl: string | null
  readonly expiresAt: number | null
  readonly failure: string | null
  readonly createdAt: number
}

/** What a payment came to, as Stripe tells it. */
export interface TopUpOutcome {
  /** Id of our row: the operation that Stripe carries in the PaymentIntent's metadata. */
  readonly id: string
  readonly paymentIntent: string
  readonly cents: bigint
  readonly status: 'succeeded' | 'processing' | 'failed'
  readonly charge?: string | undefined
  /** What Stripe keeps of it, once that is known. */
  readonly feeCents?: bigint | undefined
  readonly failure?: string | undefined
  /** The page where it could be paid is closed: before that, a card that fails there says nothing. */
  readonly closed?: boolean
  readonly at: number
}

export function topUpStore(db: Database) {
  const read = async (id: string): Promise<TopUpRow | undefined> => {
    const [row] = await db.select().from(topUp).where(eq(topUp.id, id))
    return row && toTopUp(row)
  }
  return {
    topUp: read,

    /**
     * Makes the permanent row of a top-up before Stripe is asked, or finds the one that its key made.
     *
     * @throws {SettlementError} HANSE_IDEMPOTENCY_KEY when the key came with another request
     */
    beginTopUp: async (given: NewTopUp): Promise<TopUpRow> => {
      const { at, ...row } = given
      await db
        .insert(topUp)
        .values({ ...row, state: 'pending', createdAt: new Date(at) })
        .onConflictDoNothing({ target: [topUp.organization, topUp.idempotencyKey] })
      const [stored] = await db
        .select()
        .from(topUp)
        .where(
          and(
            eq(topUp.organization, given.organization),
            eq(topUp.idempotencyKey, given.idempotencyKey),
          ),
        )
      if (stored?.requestDigest !== given.requestDigest) {
        throw new SettlementError('HANSE_IDEMPOTENCY_KEY', 'this key was used for another request')
      }
      return toTopUp(stored)
    },

    /** Keeps the page that Stripe made for a checkout, unless another call was first. */
    setCheckout: async (
      id: string,
      page: { checkout: string; url: string; expiresAtMs: number },
    ): Promise<TopUpRow | undefined> => {
      await db
        .update(topUp)
        .set({
          checkout: page.checkout,
          checkoutUrl: page.url,
          expiresAt: new Date(page.expiresAtMs),
        })
        .where(and(eq(topUp.id, id), isNull(topUp.checkout)))
      return read(id)
    },

    /** Newest first. */
    topUps: async (query: {
      organization: string
      before?: TimeCursor
      limit: number
    }): Promise<TopUpRow[]> =>
      (
        await db
          .select()
          .from(topUp)
          .where(
            and(
              eq(topUp.organization, query.organization),
              olderThan({ at: topUp.createdAt, id: topUp.id }, query.before),
            ),
          )
          .orderBy(desc(topUp.createdAt), desc(topUp.id))
          .limit(query.limit)
      ).map(toTopUp),

    /** Those that nobody has told the outcome of, and credits since a time whose fee is not known; by id. */
    unsettledTopUps: async (query: {
      createdBefore: number
      feesSince: number
      after: string
      limit: number
    }): Promise<TopUpRow[]> =>
      (
        await db
          .select()
          .from(topUp)
          .where(
            and(
              gt(topUp.id, query.after),
              lte(topUp.createdAt, new Date(query.createdBefore)),
              or(
                eq(topUp.state, 'pending'),
                and(
                  eq(topUp.state, 'succeeded'),
                  isNull(topUp.feeCents),
                  gte(topUp.creditedAt, new Date(query.feesSince)),
                ),
              ),
            ),
          )
          .orderBy(asc(topUp.id))
          .limit(query.limit)
      ).map(toTopUp),

    /** Credits a payment once, whoever tells of it first: the answer to our request, or a webhook. */
    finishTopUp: (outcome: TopUpOutcome): Promise<TopUpRow | undefined> =>
      transact(db, (tx) => finishTopUp(tx, outcome)),
  }
}

type Stored = typeof topUp.$inferSelect

/** Inside the transaction of what tells of it. */
export async function finishTopUp(
  tx: Database,
  outcome: TopUpOutcome,
): Promise<TopUpRow | undefined> {
  const [row] = await tx.select().from(topUp).where(eq(topUp.id, outcome.id)).for('update')
  if (row === undefined) return undefined
  // A late or replayed failure must not undo anything: only `succeeded` moves money, and it is final.
  const isOther = isOtherPayment(row, outcome)
  if (row.state === 'succeeded' && !isOther) return bookFee(tx, row, outcome)
  if (outcome.status === 'succeeded') {
    return row.state === 'succeeded' ? creditAgain(tx, row, outcome) : credit(tx, row, outcome)
  }
  if (isOther) return toTopUp(row)
  if (outcome.status === 'processing') return wait(tx, row, outcome)
  if (row.source === 'checkout' && outcome.closed !== true) return toTopUp(row)
  const [failed] = await tx
    .update(topUp)
    .set({ state: 'failed', failure: outcome.failure ?? null, ...payment(outcome) })
    .where(and(eq(topUp.id, row.id), ne(topUp.state, 'succeeded')))
    .returning()
  if (row.source === 'automatic' && row.state === 'pending') {
    await noteAutomatic(tx, row, false, outcome.at)
  }
  return failed && toTopUp(failed)
}

/** A row knows one payment. Another carries its mark when Stripe had forgotten a key and charged again. */
const isOtherPayment = (row: Stored, { paymentIntent }: TopUpOutcome): boolean =>
  row.paymentIntent !== null && paymentIntent !== '' && paymentIntent !== row.paymentIntent

/** Money that came is the organization's, asked for or not; a row of its own lets it be refunded. */
async function creditAgain(
  tx: Database,
  row: Stored,
  outcome: TopUpOutcome,
): Promise<TopUpRow | undefined> {
  const { paymentIntent, at } = outcome
  const { organization, source, requestDigest, cents, vatCents, tax, paymentMethod } = row
  const id = `${row.id}-${paymentIntent}`
  const copied = { organization, source, requestDigest, cents, vatCents, tax, paymentMethod }
  await tx
    .insert(topUp)
    .values({ id, ...copied, idempotencyKey: id, state: 'pending', createdAt: new Date(at) })
    .onConflictDoNothing()
  return finishTopUp(tx, { ...outcome, id })
}

/** A bank debit takes days: until then it is known by the payment's id. */
async function wait(tx: Database, row: Stored, outcome: TopUpOutcome): Promise<TopUpRow> {
  if (row.paymentIntent !== null || outcome.paymentIntent === '') return toTopUp(row)
  const set = payment(outcome)
  await tx.update(topUp).set(set).where(eq(topUp.id, row.id))
  return toTopUp({ ...row, ...set })
}

async function credit(tx: Database, row: Stored, outcome: TopUpOutcome): Promise<TopUpRow> {
  if (outcome.cents !== row.cents) {
    throw new SettlementError('HANSE_INTERNAL', `top-up ${row.id}: Stripe charged another amount`)
  }
  const { paymentIntent, at } = outcome
  const set = {
    state: 'succeeded' as const,
    failure: null,
    charge: outcome.charge ?? null,
    creditedAt: new Date(at),
    ...payment(outcome),
  }
  await tx.update(topUp).set(set).where(eq(topUp.id, row.id))
  await postCredits(
    tx,
    [
      leg(row.cents - row.vatCents, 'top_up', paymentIntent, row.organization),
      ...(row.vatCents === 0n ? [] : [vatLeg(row.vatCents, paymentIntent)]),
    ].filter(({ amount }) => amount > 0n),
    at,
  )
  if (row.source === 'automatic') await noteAutomatic(tx, row, true, at)
  return bookFee(tx, { ...row, ...set }, outcome)
}

/** What Stripe keeps may be told later than the payment, and is booked once. */
async function bookFee(tx: Database, row: Stored, outcome: TopUpOutcome): Promise<TopUpRow> {
  const { feeCents, charge } = outcome
  if (row.feeCents !== null || feeCents === undefined) return toTopUp(row)
  await tx
    .update(topUp)
    .set({ feeCents, ...(charge !== undefined && { charge }) })
    .where(eq(topUp.id, row.id))
  await postTransfers(tx, stripeFee(feeCents, row.paymentIntent ?? row.id), outcome.at)
  return toTopUp({ ...row, feeCents })
}

/** Stripe takes its fee out of what it holds for us. */
export function stripeFee(feeCents: bigint, reference: string): Transfer[] {
  if (feeCents === 0n) return []
  const amount = picoEuro(feeCents * PICO_PER_CENT)
  return [{ debit: STRIPE_FEES, credit: CLEARING, amount, kind: 'stripe_fee', reference }]
}

/** The tax on an advance is due when it is paid. */
export const vatLeg = (vatCents: bigint, reference: string): Transfer => ({
  debit: CLEARING,
  credit: VAT,
  amount: picoEuro(vatCents * PICO_PER_CENT),
  kind: 'vat',
  reference,
})

const leg = (cents: bigint, kind: 'top_up', reference: string, organization: string): Transfer => ({
  debit: CLEARING,
  credit: accountId('available', organization),
  amount: picoEuro(cents * PICO_PER_CENT),
  kind,
  reference,
})

const payment = ({ paymentIntent }: TopUpOutcome) => (paymentIntent === '' ? {} : { paymentIntent })

export function toTopUp(row: Stored): TopUpRow {
  const { id, organization, source, cents, vatCents, state, failure } = row
  const { paymentMethod, paymentIntent, checkout, checkoutUrl } = row
  return {
    id,
    organization,
    source,
    cents,
    vatCents,
    state,
    paymentMethod,
    paymentIntent,
    checkout,
    checkoutUrl,
    expiresAt: row.expiresAt?.getTime() ?? null,
    failure,
    createdAt: row.createdAt.getTime(),
  }
}
