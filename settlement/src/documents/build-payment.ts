import { z } from 'zod'
import type { DocumentContent, DocumentDraft, DocumentTax, Party } from './document.ts'
import type { PaymentFacts, RefundFacts } from './facts.ts'

/** What is written into a document from outside the books: who the two sides are on the day of issue. */
export interface Sides {
  readonly seller: Party
  readonly buyer: Party
  readonly test: boolean
}

export const paymentSubject = ({ source, id }: Pick<PaymentFacts, 'source' | 'id'>): string =>
  `${source}/${id}`
export const refundSubject = (id: string): string => `refund/${id}`

const decision = z.object({
  category: z.enum(['S', 'AE', 'O']),
  rateBps: z.int(),
  rule: z.string(),
  state: z.string().nullable(),
  note: z.string().nullable(),
  vatIdCheck: z.object({ at: z.int(), consultation: z.string().nullable() }).nullable(),
})

/** Of the decision that a payment was made under, what its invoice says. @throws {ZodError} */
export const taxOfPayment = (tax: string): DocumentTax => decision.parse(JSON.parse(tax))

/** The invoice of an advance, on the day it was paid (Art. 65 of Directive 2006/112/EC). */
export function draftInvoice(
  facts: PaymentFacts,
  tax: DocumentTax | null,
  sides: Sides,
): DocumentDraft {
  const { source, id, reference, cents, vatCents, paidAt, period } = facts
  return {
    ...NOTHING,
    ...sides,
    kind: 'advance-invoice',
    subject: paymentSubject(facts),
    taxPoint: paidAt,
    period,
    lines: [
      {
        ...PLAIN,
        label: source,
        detail: source === 'subscription' ? id : null,
        cents: cents - vatCents,
        source: { type: 'payment', id, reference },
      },
    ],
    tax,
    totals: { netCents: cents - vatCents, vatCents, grossCents: cents },
    paidCents: cents,
  }
}

/** What takes back an invoice, whole or in part. Its amounts are above zero, as on every credit note. */
export function draftCreditNote(facts: RefundFacts, invoice: DocumentContent): DocumentDraft {
  const { id, reference, cents, vatCents, at } = facts
  const { seller, buyer, test, tax, number, issuedAt } = invoice
  return {
    ...NOTHING,
    seller,
    buyer,
    test,
    kind: 'credit-note',
    subject: refundSubject(id),
    taxPoint: at,
    corrects: { number, issuedAt },
    lines: [
      {
        ...PLAIN,
        label: 'refund',
        detail: number,
        cents: cents - vatCents,
        source: { type: 'refund', id, reference },
      },
    ],
    tax,
    totals: { netCents: cents - vatCents, vatCents, grossCents: cents },
    paidCents: cents,
  }
}

const PLAIN = { number: 1, sessions: null, receipts: null, exact: null } as const
const NOTHING = {
  format: 'hanse.document.v1',
  currency: 'EUR',
  period: null,
  corrects: null,
  carry: null,
  account: null,
  advances: [],
  selfBilling: null,
} as const
