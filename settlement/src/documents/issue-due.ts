import type { SettlementContext } from '../context.ts'
import { draftCreditNote, draftInvoice, taxOfPayment } from './build-payment.ts'
import type { DocumentTax } from './document.ts'
import { readDocument } from './document-schema.ts'
import type { PaymentFacts } from './facts.ts'
import { salesSides } from './sides.ts'
import { taxOnPlan } from './tax-on-plan.ts'

export interface Issued {
  readonly invoices: number
  readonly creditNotes: number
}

/** Payments in one look at the database. */
const PAGE = 200
/**
 * How far back the job of every minute looks for payments: as long as any of them can wait to be credited. Closing a month
 * looks at everything.
 */
const LOOK_BACK_MS = 40 * 86_400_000

/**
 * Writes the invoice of every payment and the credit note of every refund that has none. Safe to be cut off, repeated and
 * done by two at once: there is one document on each.
 */
export async function issueDue(
  context: SettlementContext,
  signal?: AbortSignal,
  since: number = context.now() - LOOK_BACK_MS,
): Promise<Issued> {
  const { store, now } = context
  let invoices = 0
  let creditNotes = 0
  for (;;) {
    const payments = await store.paymentsWithoutInvoice(since, PAGE)
    for (const facts of payments) {
      if (signal?.aborted === true) return { invoices, creditNotes }
      await issueInvoice(context, facts)
      invoices++
    }
    if (payments.length < PAGE) break
  }
  for (;;) {
    const refunds = await store.refundsWithoutNote(PAGE)
    for (const facts of refunds) {
      if (signal?.aborted === true) return { invoices, creditNotes }
      const invoice = await store.document(facts.invoice)
      if (invoice === undefined) throw new Error(`no document ${facts.invoice}`)
      // Of who was erased it names the invoice, and nobody: that names whom it was for.
      const draft = draftCreditNote(facts, readDocument(invoice.content ?? invoice.figures))
      await store.issueDocument({ draft, party: facts.organization, at: now() })
      creditNotes++
    }
    if (refunds.length < PAGE) return { invoices, creditNotes }
  }
}

async function issueInvoice(context: SettlementContext, facts: PaymentFacts): Promise<void> {
  const { store, now } = context
  const sides = await salesSides(context, facts.organization)
  const tax = facts.source === 'top-up' ? taxOn(facts) : await taxOnPlan(context, facts)
  const draft = draftInvoice(facts, tax, sides)
  await store.issueDocument({ draft, party: facts.organization, at: now() })
}

/** What was decided when it was paid. Without a decision the document is a receipt of payment, and no invoice. */
export const taxOn = ({ tax }: PaymentFacts): DocumentTax | null =>
  tax === null ? null : taxOfPayment(tax)
