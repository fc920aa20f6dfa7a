import { PICO_PER_CENT, picoEuro } from '@hanse/protocol'
import { and, asc, desc, eq, gt, gte, isNull } from 'drizzle-orm'
import { postCredits } from '../billing/post-credits.ts'
import type { Database } from '../db/database.ts'
import { planSubscription, subscriptionInvoice } from '../db/schema.ts'
import { olderThan, type TimeCursor } from '../db/time-cursor.ts'
import { accountId, CLEARING, PROMOTIONS, REVENUE, type Transfer } from '../ledger/accounts.ts'
import { postTransfers } from '../ledger/post-transfers.ts'
import { stripeFee, vatLeg } from '../top-ups/top-up-store.ts'

/** An invoice of a plan that was paid, as Stripe tells it now. */
export interface InvoiceNews {
  readonly invoice: string
  readonly organization: string
  readonly subscription: string | null
  readonly number: string | null
  /** What was paid through Stripe, VAT included. */
  readonly cents: bigint
  readonly vatCents: bigint
  readonly creditCents: bigint
  readonly paymentIntent: string | null
  readonly charge: string | null
  readonly feeCents: bigint | null
  readonly periodStart: number
  readonly periodEnd: number
  readonly at: number
}

export interface InvoiceRow {
  readonly id: string
  readonly number: string | null
  readonly cents: bigint
  readonly vatCents: bigint
  readonly creditCents: bigint
  readonly periodStart: number
  readonly periodEnd: number
  readonly paidAt: number
}

export function invoiceStore(db: Database) {
  return {
    /** Newest first. */
    planInvoices: async (query: {
      organization: string
      before?: TimeCursor
      limit: number
    }): Promise<InvoiceRow[]> =>
      (
        await db
          .select()
          .from(subscriptionInvoice)
          .where(
            and(
              eq(subscriptionInvoice.organization, query.organization),
              olderThan(
                { at: subscriptionInvoice.paidAt, id: subscriptionInvoice.id },
                query.before,
              ),
            ),
          )
          .orderBy(desc(subscriptionInvoice.paidAt), desc(subscriptionInvoice.id))
          .limit(query.limit)
      ).map(({ id, number, cents, vatCents, creditCents, ...row }) => ({
        id,
        number,
        cents,
        vatCents,
        creditCents,
        periodStart: row.periodStart.getTime(),
        periodEnd: row.periodEnd.getTime(),
        paidAt: row.paidAt.getTime(),
      })),

    /** Invoices paid since a time of which Stripe's fee is not known; by id. */
    invoicesWithoutFee: async (since: number, after: string, limit: number): Promise<string[]> =>
      (
        await db
          .select({ id: subscriptionInvoice.id })
          .from(subscriptionInvoice)
          .where(
            and(
              gt(subscriptionInvoice.id, after),
              isNull(subscriptionInvoice.feeCents),
              gt(subscriptionInvoice.cents, 0n),
              gte(subscriptionInvoice.paidAt, new Date(since)),
            ),
          )
          .orderBy(asc(subscriptionInvoice.id))
          .limit(limit)
      ).map(({ id }) => id),
  }
}

/** Credits the included tokens once for each paid invoice, inside the transaction of what tells of it. */
export async function applyInvoice(tx: Database, news: InvoiceNews): Promise<void> {
  const { invoice, organization, paymentIntent, charge, at } = news
  const { number, cents, vatCents, creditCents } = news
  const inserted = await tx
    .insert(subscriptionInvoice)
    .values({
      id: invoice,
      organization,
      planSubscription: await subscriptionOf(tx, news.subscription),
      number,
      cents,
      vatCents,
      creditCents,
      paymentIntent,
      charge,
      periodStart: new Date(news.periodStart),
      periodEnd: new Date(news.periodEnd),
      paidAt: new Date(at),
    })
    .onConflictDoNothing()
    .returning({ id: subscriptionInvoice.id })
  if (inserted.length > 0) await postCredits(tx, paid(news), at)
  await bookFee(tx, news)
}

/**
 * Of what was paid, what the included tokens are worth is the customer's money; what is over is the price of the plan,
 * and what is missing the platform gives.
 */
function paid({ invoice, organization, cents, vatCents, creditCents }: InvoiceNews): Transfer[] {
  const available = accountId('available', organization)
  const net = cents - vatCents
  const bought = net < creditCents ? net : creditCents
  const legs = [
    leg({ debit: CLEARING, credit: available, kind: 'plan_credit' }, bought, invoice),
    leg(
      { debit: PROMOTIONS, credit: available, kind: 'plan_credit' },
      creditCents - bought,
      invoice,
    ),
    leg({ debit: CLEARING, credit: REVENUE, kind: 'subscription' }, net - bought, invoice),
    vatLeg(vatCents, invoice),
  ]
  return legs.filter(({ amount }) => amount > 0n)
}

async function bookFee(tx: Database, { invoice, feeCents, at }: InvoiceNews): Promise<void> {
  if (feeCents === null) return
  const booked = await tx
    .update(subscriptionInvoice)
    .set({ feeCents })
    .where(and(eq(subscriptionInvoice.id, invoice), isNull(subscriptionInvoice.feeCents)))
    .returning({ id: subscriptionInvoice.id })
  if (booked.length > 0) await postTransfers(tx, stripeFee(feeCents, invoice), at)
}

async function subscriptionOf(tx: Database, subscription: string | null): Promise<string | null> {
  if (subscription === null) return null
  const [row] = await tx
    .select({ id: planSubscription.id })
    .from(planSubscription)
    .where(eq(planSubscription.subscription, subscription))
  return row?.id ?? null
}

const leg = (
  between: Pick<Transfer, 'debit' | 'credit' | 'kind'>,
  cents: bigint,
  reference: string,
): Transfer => ({ ...between, amount: picoEuro(cents * PICO_PER_CENT), reference })
