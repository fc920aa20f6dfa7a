import { type SQL, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import type { PaymentFacts, RefundFacts } from './facts.ts'

interface PaymentRow {
  readonly source: PaymentFacts['source']
  readonly id: string
  readonly organization: string
  readonly cents: string
  readonly vat: string
  readonly tax: string | null
  readonly reference: string | null
  readonly paid: string
  readonly from: string | null
  readonly to: string | null
}

/** Milliseconds since 1970, as text. */
const ms = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::int8::text`)

const TOP_UPS = sql`select 'top-up' as source, t.id, t.organization, t.cents::text as cents,
    t.vat_cents::text as vat, t.tax, t.payment_intent as reference, ${ms('t.credited_at')} as paid,
    null::text as "from", null::text as "to", 'top-up/' || t.id as subject, t.credited_at as at
  from top_up t where t.state = 'succeeded'`

const PLANS = sql`select 'subscription' as source, i.id, i.organization, i.cents::text as cents,
    i.vat_cents::text as vat, null::text as tax, i.payment_intent as reference, ${ms('i.paid_at')} as paid,
    ${ms('i.period_start')} as "from", ${ms('i.period_end')} as "to", 'subscription/' || i.id as subject,
    i.paid_at as at
  from subscription_invoice i where i.cents > 0`

const REFUNDS = sql`select r.id, r.organization, r.cents::text as cents, r.vat_cents::text as vat,
    r.refund as reference, ${ms('r.updated_at')} as at, d.number as invoice, 'refund/' || r.id as subject,
    r.updated_at as refunded
  from refund r join document d on d.kind = 'advance-invoice' and d.subject in (
    select 'top-up/' || t.id from top_up t where t.payment_intent = r.payment_intent
    union all select 'subscription/' || i.id from subscription_invoice i
      where i.payment_intent = r.payment_intent)
  where r.state = 'succeeded'`

const without = (kind: string) =>
  sql`not exists (select from document d where d.kind = ${kind} and d.subject = p.subject)`

/** Payments that have no invoice yet, oldest first. */
export const paymentsWithoutInvoice = (
  db: Database,
  since: number,
  limit: number,
): Promise<PaymentFacts[]> =>
  payments(
    db,
    sql`at >= ${new Date(since).toISOString()}::timestamptz and ${without('advance-invoice')}
      order by at, id limit ${limit}`,
  )

export const paymentFacts = async (
  db: Database,
  subject: string,
): Promise<PaymentFacts | undefined> => (await payments(db, sql`subject = ${subject}`))[0]

async function payments(db: Database, where: SQL): Promise<PaymentFacts[]> {
  const found = await rows<PaymentRow>(
    db,
    sql`select * from (${TOP_UPS} union all ${PLANS}) p where ${where}`,
  )
  return found.map(({ source, id, organization, tax, reference, ...row }) => ({
    source,
    id,
    organization,
    tax,
    reference,
    cents: BigInt(row.cents),
    vatCents: BigInt(row.vat),
    paidAt: Number(row.paid),
    period:
      row.from === null || row.to === null ? null : { from: Number(row.from), to: Number(row.to) },
  }))
}

/** Refunds of invoiced payments that have no credit note yet, oldest first. */
export const refundsWithoutNote = (db: Database, limit: number): Promise<RefundFacts[]> =>
  refunds(db, sql`${without('credit-note')} order by refunded, id limit ${limit}`)

export const refundFacts = async (
  db: Database,
  subject: string,
): Promise<RefundFacts | undefined> => (await refunds(db, sql`subject = ${subject}`))[0]

async function refunds(db: Database, where: SQL): Promise<RefundFacts[]> {
  const found = await rows<{
    id: string
    organization: string
    cents: string
    vat: string
    reference: string | null
    at: string
    invoice: string
  }>(db, sql`select * from (${REFUNDS}) p where ${where}`)
  return found.map(({ id, organization, reference, invoice, cents, vat, at }) => ({
    id,
    organization,
    reference,
    invoice,
    cents: BigInt(cents),
    vatCents: BigInt(vat),
    at: Number(at),
  }))
}
