import type { Category, DocumentContent, DocumentKind, DocumentLine } from '../document.ts'

export const LANGUAGES = ['de', 'en'] as const
export type Language = (typeof LANGUAGES)[number]

/** German where the customer is likely to read it. */
export const languageOf = (country: string | null): Language =>
  country === 'DE' || country === 'AT' || country === 'LI' ? 'de' : 'en'

/** Everything that a rendered document says. */
export interface Words {
  readonly locale: string
  readonly kinds: Record<DocumentKind, string>
  readonly receiptOfPayment: string
  readonly earnings: string
  readonly selfBilled: string
  readonly labels: Record<DocumentLine['label'], string>
  readonly number: string
  readonly date: string
  readonly taxPoint: string
  readonly period: string
  readonly corrects: string
  readonly vatId: string
  readonly taxNumber: string
  readonly customer: string
  readonly provider: string
  readonly description: string
  readonly sessions: string
  readonly receipts: string
  readonly exact: string
  readonly amount: string
  readonly more: (lines: string) => string
  readonly net: string
  readonly vat: (percent: string) => string
  readonly noVat: string
  readonly total: string
  readonly paid: string
  readonly refunded: string
  readonly payable: string
  readonly carriedFrom: string
  readonly carriedTo: string
  readonly advances: string
  readonly account: string
  readonly opening: string
  readonly closing: string
  readonly heldBack: string
  readonly debt: string
  readonly movements: Readonly<Record<string, string>>
  readonly reverseCharge: string
  readonly notes: Readonly<Record<string, string>>
  readonly advanceNote: string
  readonly usageNote: string
  readonly earningsNote: string
  readonly receiptNote: string
  readonly agreed: (terms: string, date: string) => string
  readonly vatIdConfirmed: (date: string, reference: string) => string
  readonly test: string
  readonly page: (page: number, pages: number) => string
  readonly proofs: string
}

const en: Words = {
  locale: 'en-IE',
  kinds: {
    'advance-invoice': 'Advance payment invoice',
    'credit-note': 'Credit note',
    'usage-statement': 'Statement of usage',
    'provider-statement': 'Self-billed invoice',
  },
  receiptOfPayment: 'Receipt of payment',
  earnings: 'Statement of earnings',
  selfBilled: 'Self-billing',
  labels: {
    'top-up': 'Credit for inference, paid in advance',
    subscription: 'Plan, paid in advance',
    refund: 'Refund of the advance payment on invoice',
    usage: 'Inference',
    fee: 'Platform fee',
  },
  number: 'Number',
  date: 'Date',
  taxPoint: 'Paid on',
  period: 'Period',
  corrects: 'Corrects',
  vatId: 'VAT id',
  taxNumber: 'Tax number',
  customer: 'Customer',
  provider: 'Provider',
  description: 'Description',
  sessions: 'Sessions',
  receipts: 'Receipts',
  exact: 'Exact, EUR',
  amount: 'Amount',
  more: (lines) => `${lines} more lines: see CSV, XML or JSON`,
  net: 'Net',
  vat: (percent) => `VAT ${percent} %`,
  noVat: 'VAT 0 %',
  total: 'Total',
  paid: 'Paid',
  refunded: 'Refunded',
  payable: 'Amount due',
  carriedFrom: 'Carried over from the month before',
  carriedTo: 'Less than a cent, carried into the next month',
  advances: 'Invoiced and credited in this month',
  account: 'Account',
  opening: 'At the beginning of the month',
  closing: 'At the end of the month',
  heldBack: 'Of it, held back',
  debt: 'Owed to us',
  movements: {
    top_up: 'Advance payments, without VAT',
    plan_credit: 'Credit included in a plan',
    trial_credit: 'Credit of a trial',
    service_credit: 'Credit for a missed service level',
    subscription: 'Plan',
    usage: 'Usage',
    earnings: 'Earned',
    refund: 'Refunds',
    refund_reversal: 'Refunds that came back',
    dispute: 'Disputed payments',
    dispute_reversal: 'Disputed payments that came back',
    debt_recovery: 'Kept to settle a debt',
    payout: 'Paid out',
    payout_reversal: 'Payouts that came back',
    adjustment: 'Adjustment',
    write_off: 'Write-off',
  },
  reverseCharge: 'Reverse charge',
  notes: {
    rc_eu:
      'Reverse charge: the recipient is liable for the VAT (Art. 196 of Directive 2006/112/EC).',
    export: 'Not subject to EU VAT: the place of supply is outside the European Union.',
    'small-business': 'Exempt from VAT under the special scheme for small enterprises.',
    private: 'Without VAT: the provider is not a taxable person.',
  },
  advanceNote:
    'This advance payment is fully paid. What it is used for is shown by the monthly statements of usage.',
  usageNote:
    'This is not an invoice: VAT is shown on the invoices of the advance payments. Amounts are exact; they are rounded once, in the total.',
  earningsNote:
    'This is not an invoice: the provider has not agreed to self-billing. Amounts are exact; they are rounded once, in the total.',
  receiptNote:
    'This is not an invoice in the sense of VAT law: no VAT was charged on this payment.',
  agreed: (terms, date) =>
    `Invoice issued by the recipient in the name of the provider (Art. 224 of Directive 2006/112/EC), under the self-billing terms ${terms} agreed on ${date}.`,
  vatIdConfirmed: (date, reference) =>
    `The customer’s VAT id was confirmed on ${date}${reference}.`,
  test: 'TEST: issued by a trial installation. Nothing is owed.',
  page: (page, pages) => `Page ${page} of ${pages}`,
  proofs: 'Each amount can be followed to its signed receipts:',
}

const de: Words = {
  locale: 'de-DE',
  kinds: {
    'advance-invoice': 'Anzahlungsrechnung',
    'credit-note': 'Rechnungskorrektur',
    'usage-statement': 'Verbrauchsaufstellung',
    'provider-statement': 'Gutschrift',
  },
  receiptOfPayment: 'Zahlungsbeleg',
  earnings: 'Abrechnung der Erlöse',
  selfBilled: 'Gutschrift',
  labels: {
    'top-up': 'Guthaben für Inferenz, im Voraus bezahlt',
    subscription: 'Tarif, im Voraus bezahlt',
    refund: 'Erstattung der Anzahlung zu Rechnung',
    usage: 'Inferenz',
    fee: 'Plattformgebühr',
  },
  number: 'Nummer',
  date: 'Datum',
  taxPoint: 'Bezahlt am',
  period: 'Zeitraum',
  corrects: 'Korrigiert',
  vatId: 'USt-IdNr.',
  taxNumber: 'Steuernummer',
  customer: 'Kunde',
  provider: 'Anbieter',
  description: 'Beschreibung',
  sessions: 'Sitzungen',
  receipts: 'Belege',
  exact: 'Genau, EUR',
  amount: 'Betrag',
  more: (lines) => `${lines} weitere Posten: siehe CSV, XML oder JSON`,
  net: 'Netto',
  vat: (percent) => `USt ${percent} %`,
  noVat: 'USt 0 %',
  total: 'Gesamt',
  paid: 'Bezahlt',
  refunded: 'Erstattet',
  payable: 'Zu zahlen',
  carriedFrom: 'Übertrag aus dem Vormonat',
  carriedTo: 'Weniger als ein Cent, Übertrag in den nächsten Monat',
  advances: 'In diesem Monat berechnet und gutgeschrieben',
  account: 'Konto',
  opening: 'Am Anfang des Monats',
  closing: 'Am Ende des Monats',
  heldBack: 'Davon zurückbehalten',
  debt: 'Uns geschuldet',
  movements: {
    top_up: 'Anzahlungen, ohne USt',
    plan_credit: 'Guthaben aus einem Tarif',
    trial_credit: 'Guthaben zum Ausprobieren',
    service_credit: 'Gutschrift für eine verfehlte Zusage',
    subscription: 'Tarif',
    usage: 'Verbrauch',
    earnings: 'Verdient',
    refund: 'Erstattungen',
    refund_reversal: 'Zurückgekommene Erstattungen',
    dispute: 'Bestrittene Zahlungen',
    dispute_reversal: 'Zurückgekommene bestrittene Zahlungen',
    debt_recovery: 'Mit einer Schuld verrechnet',
    payout: 'Ausgezahlt',
    payout_reversal: 'Zurückgekommene Auszahlungen',
    adjustment: 'Berichtigung',
    write_off: 'Abschreibung',
  },
  reverseCharge: 'Steuerschuldnerschaft des Leistungsempfängers',
  notes: {
    rc_eu:
      'Steuerschuldnerschaft des Leistungsempfängers (Reverse charge; Art. 196 der Richtlinie 2006/112/EG).',
    export: 'Nicht steuerbar: Der Leistungsort liegt außerhalb der Europäischen Union.',
    'small-business': 'Umsatzsteuerfrei nach der Sonderregelung für Kleinunternehmen.',
    private: 'Ohne Umsatzsteuer: Der Anbieter ist kein Steuerpflichtiger.',
  },
  advanceNote:
    'Diese Anzahlung ist vollständig bezahlt. Wofür sie verwendet wird, zeigen die monatlichen Verbrauchsaufstellungen.',
  usageNote:
    'Dies ist keine Rechnung: Die Umsatzsteuer steht auf den Rechnungen der Anzahlungen. Die Beträge sind genau; gerundet wird einmal, in der Summe.',
  earningsNote:
    'Dies ist keine Rechnung: Der Anbieter hat der Abrechnung durch Gutschrift nicht zugestimmt. Die Beträge sind genau; gerundet wird einmal, in der Summe.',
  receiptNote:
    'Dies ist keine Rechnung im Sinne des Umsatzsteuerrechts: Auf diese Zahlung wurde keine Umsatzsteuer erhoben.',
  agreed: (terms, date) =>
    `Gutschrift: vom Leistungsempfänger im Namen des Anbieters ausgestellt (Art. 224 der Richtlinie 2006/112/EG), nach den am ${date} vereinbarten Bedingungen ${terms}.`,
  vatIdConfirmed: (date, reference) =>
    `Die USt-IdNr. des Kunden wurde am ${date} bestätigt${reference}.`,
  test: 'TEST: ausgestellt von einer Probeinstallation. Daraus wird nichts geschuldet.',
  page: (page, pages) => `Seite ${page} von ${pages}`,
  proofs: 'Jeder Betrag lässt sich bis zu seinen signierten Belegen verfolgen:',
}

export const WORDS: Record<Language, Words> = { de, en }

/** What the document calls itself. */
export function titleOf({ kind, tax }: DocumentContent, words: Words): string {
  if (tax === null && kind === 'advance-invoice') return words.receiptOfPayment
  if (tax === null && kind === 'provider-statement') return words.earnings
  return words.kinds[kind]
}

export const isZeroRated = (category: Category): boolean => category !== 'S'
