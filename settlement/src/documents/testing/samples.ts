import { picoEuro } from '@hanse/protocol'
import { draftProviderStatement, draftUsageStatement, NO_PREVIOUS } from '../build-month.ts'
import { draftCreditNote, draftInvoice } from '../build-payment.ts'
import type { DocumentContent, DocumentDraft, DocumentTax, Party } from '../document.ts'
import type { MonthFacts } from '../facts.ts'
import type { Month } from '../month.ts'

/** Documents as they are stored, made of invented facts. */

export const OPERATOR: Party = {
  id: '12D3KooWOperator',
  name: 'Hanse Betriebs GmbH',
  street: 'Speicherstraße 7',
  postalCode: '20457',
  city: 'Hamburg',
  country: 'DE',
  vatId: 'DE123456789',
  taxNumber: null,
  registration: 'HRB 123456, Amtsgericht Hamburg',
  email: 'rechnung@example.org',
}

export const CUSTOMER: Party = {
  id: 'org_5f2c',
  name: 'Łódź Data Sp. z o.o.',
  street: 'ul. Piotrkowska 1',
  postalCode: '90-001',
  city: 'Łódź',
  country: 'PL',
  vatId: 'PL1234567890',
  taxNumber: null,
  registration: null,
  email: 'faktury@example.org',
}

export const PROVIDER: Party = { ...CUSTOMER, id: '12D3KooWProvider', name: 'GPU Scheune e. K.' }

export const STANDARD: DocumentTax = {
  category: 'S',
  rateBps: 1900,
  rule: 'domestic',
  state: 'DE',
  note: null,
  vatIdCheck: null,
}
export const REVERSE: DocumentTax = {
  category: 'AE',
  rateBps: 0,
  rule: 'rc_eu',
  state: 'PL',
  note: 'Reverse charge',
  vatIdCheck: { at: Date.UTC(2026, 9, 30), consultation: 'WAPIAAAAZ1' },
}
export const OUTSIDE: DocumentTax = {
  category: 'O',
  rateBps: 0,
  rule: 'export',
  state: null,
  note: 'Not subject to EU VAT: place of supply outside the European Union',
  vatIdCheck: null,
}
export const EXEMPT: DocumentTax = {
  category: 'E',
  rateBps: 0,
  rule: 'small-business',
  state: null,
  note: 'VAT exempt: special scheme for small enterprises',
  vatIdCheck: null,
}

const AT = Date.UTC(2026, 10, 3, 9)
export const MONTH = '2026-10' as Month

export const numbered = (draft: DocumentDraft, number: string): DocumentContent => ({
  ...draft,
  number,
  issuedAt: AT,
})

export const sampleInvoice = (
  tax: DocumentTax | null,
  cents: bigint,
  vatCents: bigint,
  test = false,
): DocumentContent =>
  numbered(
    draftInvoice(
      {
        source: 'top-up',
        id: 'tu-1',
        organization: CUSTOMER.id,
        cents,
        vatCents,
        tax: null,
        reference: 'pi_1',
        paidAt: AT - 3_600_000,
        period: null,
      },
      tax,
      { seller: OPERATOR, buyer: CUSTOMER, test },
    ),
    'INV-2026-000041',
  )

export const sampleCreditNote = (invoice: DocumentContent): DocumentContent =>
  numbered(
    draftCreditNote(
      {
        id: 're-1',
        organization: CUSTOMER.id,
        cents: invoice.totals.grossCents,
        vatCents: invoice.totals.vatCents,
        reference: 're_1',
        at: AT,
        invoice: invoice.number,
      },
      invoice,
    ),
    'CN-2026-000003',
  )

export const monthOfUse = (models: readonly string[], fee: bigint): MonthFacts => ({
  usage: models.map((model, i) => ({
    model,
    sessions: 1200 * (i + 1),
    receipts: 1450 * (i + 1),
    amount: picoEuro(12_345_678_901_234n * BigInt(i + 1)),
  })),
  fee,
  movements: [
    { kind: 'top_up', amount: 84_033_613_445_380n },
    { kind: 'usage', amount: -37_037_036_703_702n },
  ],
  heldBackChange: 1_000_000_000_000n,
  debtChange: 0n,
})

export const sampleUsage = (facts: MonthFacts): DocumentContent =>
  numbered(
    draftUsageStatement(facts, {
      month: MONTH,
      party: CUSTOMER.id,
      sides: { seller: OPERATOR, buyer: CUSTOMER, test: false },
      previous: { ...NO_PREVIOUS, carry: 4_200_000_000n, closing: 5_000_000_000_000n },
      advances: [
        { number: 'INV-2026-000038', kind: 'advance-invoice', grossCents: 5_000n },
        { number: 'INV-2026-000040', kind: 'advance-invoice', grossCents: 5_000n },
      ],
    }),
    'USE-2026-000012',
  )

export const sampleEarnings = (
  facts: MonthFacts,
  tax: DocumentTax | null,
  carry = 0n,
): DocumentContent =>
  numbered(
    draftProviderStatement(facts, {
      month: MONTH,
      party: PROVIDER.id,
      sides: { seller: PROVIDER, buyer: OPERATOR, test: false },
      previous: { ...NO_PREVIOUS, carry },
      tax,
      selfBilling: tax === null ? null : { terms: '2026-11', agreedAt: Date.UTC(2026, 8, 1) },
    }),
    'SB-2026-000007',
  )
