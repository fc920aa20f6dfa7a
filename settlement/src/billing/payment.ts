import { eq, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { subscriptionInvoice, topUp } from '../db/schema.ts'
import type { Gross } from './vat-share.ts'

/** A payment that was credited: a top-up, or a paid invoice of a plan. */
export interface CreditedPayment extends Gross {
  readonly paymentIntent: string
  readonly organization: string
}

/** Locks the payment, so that what goes back of it is counted by one at a time. */
export async function lockPayment(
  tx: Database,
  paymentIntent: string,
): Promise<CreditedPayment | undefined> {
  const [credited] = await tx
    .select()
    .from(topUp)
    .where(sql`${eq(topUp.paymentIntent, paymentIntent)} and ${eq(topUp.state, 'succeeded')}`)
    .for('update')
  if (credited !== undefined) return { ...credited, paymentIntent }
  const [invoice] = await tx
    .select()
    .from(subscriptionInvoice)
    .where(eq(subscriptionInvoice.paymentIntent, paymentIntent))
    .for('update')
  return invoice && { ...invoice, paymentIntent }
}

/** What of a payment has gone back, or is about to: refunds that did not fail, and what disputes took. */
export async function goneBack(tx: Database, paymentIntent: string): Promise<Gross> {
  const [sum] = await rows<{ cents: string; vat: string }>(
    tx,
    sql`select coalesce(sum(cents), 0)::text as cents, coalesce(sum(vat_cents), 0)::text as vat from (
      select cents, vat_cents from refund
        where payment_intent = ${paymentIntent} and state not in ('refused', 'failed')
      union all
      select withdrawn_cents, vat_cents from dispute where payment_intent = ${paymentIntent}) gone`,
  )
  return { cents: BigInt(sum?.cents ?? 0), vatCents: BigInt(sum?.vat ?? 0) }
}
