import { create } from 'xmlbuilder2'
import type { XMLBuilder } from 'xmlbuilder2/lib/interfaces.js'
import { type DocumentContent, type DocumentTax, isInvoice, type Party } from '../document.ts'
import { decimalCents, decimalPercent, isoDate } from './figures.ts'
import { languageOf, WORDS, type Words } from './words.ts'

const EN_16931 = 'urn:cen.eu:en16931:2017'
const UBL = 'urn:oasis:names:specification:ubl:schema:xsd'

/** UNTDID 1001: a prepayment invoice, a credit note, a self-billed invoice. */
const TYPE_CODES = {
  'advance-invoice': '386',
  'credit-note': '381',
  'provider-statement': '389',
} as const

/** CEF VATEX: why there is no VAT. A small enterprise has a reason in words only. */
const REASON_CODES = { S: null, AE: 'VATEX-EU-AE', E: null, O: 'VATEX-EU-O' } as const
/** UNECE Rec. 20: one. */
const ONE = 'C62'

/**
 * Whether a document has an XML form: what is an invoice, between parties whose countries are known (BT-40 and BT-55 are
 * mandatory).
 */
export const hasUbl = (content: DocumentContent): boolean =>
  isInvoice(content) && content.seller.country !== null && content.buyer.country !== null

/**
 * The document as UBL 2.1 of EN 16931. Comments name its business terms.
 *
 * @throws {TypeError} when it has no XML form: see `hasUbl`
 */
export function renderUbl(content: DocumentContent): string {
  const { kind, tax } = content
  if (tax === null || kind === 'usage-statement' || !hasUbl(content)) {
    throw new TypeError(`${content.number} is no invoice`)
  }
  const words = WORDS[languageOf(content.buyer.country)]
  const isNote = kind === 'credit-note'
  const name = isNote ? 'CreditNote' : 'Invoice'
  const root = create({ version: '1.0', encoding: 'UTF-8' }).ele(`${UBL}:${name}-2`, name, {
    'xmlns:cac': `${UBL}:CommonAggregateComponents-2`,
    'xmlns:cbc': `${UBL}:CommonBasicComponents-2`,
  })
  leaf(root, 'CustomizationID', EN_16931)
  leaf(root, 'ID', content.number)
  leaf(root, 'IssueDate', isoDate(content.issuedAt))
  // The two schemas have the same elements in another order.
  if (isNote) leaf(root, 'TaxPointDate', isoDate(content.taxPoint))
  leaf(root, isNote ? 'CreditNoteTypeCode' : 'InvoiceTypeCode', TYPE_CODES[kind])
  for (const note of notesOf(content, tax, words)) leaf(root, 'Note', note)
  if (!isNote) leaf(root, 'TaxPointDate', isoDate(content.taxPoint))
  leaf(root, 'DocumentCurrencyCode', content.currency)
  addPeriod(root, content)
  addCorrected(root, content)
  addParty(root.ele('cac:AccountingSupplierParty'), content.seller, tax)
  addParty(root.ele('cac:AccountingCustomerParty'), content.buyer, tax)
  addAllowances(root, content, tax, words)
  addTax(root, content, tax, words)
  addTotals(root, content)
  addLines(root, content, tax, words)
  return root.end({ prettyPrint: true })
}

function leaf(parent: XMLBuilder, name: string, text: string, attributes = {}): void {
  parent.ele(`cbc:${name}`, attributes).txt(xmlText(text))
}

const amount = (parent: XMLBuilder, name: string, cents: bigint): void =>
  leaf(parent, name, decimalCents(cents), { currencyID: 'EUR' })

/** Without the characters that XML 1.0 has no place for: names come from outside. */
const xmlText = (text: string): string =>
  text.replaceAll(/(?![\t\n\r])\p{Cc}|[\uFFFE\uFFFF]|\p{Surrogate}/gu, '\uFFFD')

function notesOf(content: DocumentContent, tax: DocumentTax, words: Words): string[] {
  const { test, selfBilling } = content
  return [
    ...(test ? [words.test] : []),
    ...(tax.note === null ? [] : [words.notes[tax.rule] ?? tax.note]),
    ...(selfBilling === null
      ? []
      : [words.agreed(selfBilling.terms, isoDate(selfBilling.agreedAt))]),
  ]
}

/** BG-14. Its last day is in it. */
function addPeriod(root: XMLBuilder, { period }: DocumentContent): void {
  if (period === null) return
  const element = root.ele('cac:InvoicePeriod')
  leaf(element, 'StartDate', isoDate(period.from))
  leaf(element, 'EndDate', isoDate(period.to - 1))
}

/** BG-3. */
function addCorrected(root: XMLBuilder, { corrects }: DocumentContent): void {
  if (corrects === null) return
  const reference = root.ele('cac:BillingReference').ele('cac:InvoiceDocumentReference')
  leaf(reference, 'ID', corrects.number)
  leaf(reference, 'IssueDate', isoDate(corrects.issuedAt))
}

/** BG-4 and BG-7. What is outside the scope of VAT names no VAT id (BR-O-02 to 04). */
function addParty(parent: XMLBuilder, party: Party, { category }: DocumentTax): void {
  const element = parent.ele('cac:Party')
  leaf(element.ele('cac:PartyIdentification'), 'ID', party.id)
  leaf(element.ele('cac:PartyName'), 'Name', party.name)
  const address = element.ele('cac:PostalAddress')
  if (party.street !== null) leaf(address, 'StreetName', party.street)
  if (party.city !== null) leaf(address, 'CityName', party.city)
  if (party.postalCode !== null) leaf(address, 'PostalZone', party.postalCode)
  leaf(address.ele('cac:Country'), 'IdentificationCode', party.country ?? '')
  if (party.vatId !== null && category !== 'O') addTaxScheme(element, party.vatId, 'VAT')
  if (party.taxNumber !== null && category !== 'O') addTaxScheme(element, party.taxNumber, 'FC')
  const legal = element.ele('cac:PartyLegalEntity')
  leaf(legal, 'RegistrationName', party.name)
  if (party.registration !== null) leaf(legal, 'CompanyID', party.registration)
  if (party.email !== null) leaf(element.ele('cac:Contact'), 'ElectronicMail', party.email)
}

function addTaxScheme(party: XMLBuilder, id: string, scheme: 'VAT' | 'FC'): void {
  const element = party.ele('cac:PartyTaxScheme')
  leaf(element, 'CompanyID', id)
  leaf(element.ele('cac:TaxScheme'), 'ID', scheme)
}

function addCategory(parent: XMLBuilder, name: string, tax: DocumentTax, reason?: string): void {
  const element = parent.ele(`cac:${name}`)
  leaf(element, 'ID', tax.category)
  if (tax.category !== 'O') leaf(element, 'Percent', decimalPercent(tax.rateBps))
  const code = REASON_CODES[tax.category]
  if (reason !== undefined && code !== null) leaf(element, 'TaxExemptionReasonCode', code)
  if (reason !== undefined) leaf(element, 'TaxExemptionReason', reason)
  leaf(element.ele('cac:TaxScheme'), 'ID', 'VAT')
}

/** BG-20: what is taken off, as our fee is, is no line. */
function addAllowances(
  root: XMLBuilder,
  { lines }: DocumentContent,
  tax: DocumentTax,
  words: Words,
): void {
  for (const { label, cents } of lines.filter(isAllowance)) {
    const element = root.ele('cac:AllowanceCharge')
    leaf(element, 'ChargeIndicator', 'false')
    leaf(element, 'AllowanceChargeReason', words.labels[label])
    amount(element, 'Amount', -cents)
    addCategory(element, 'TaxCategory', tax)
  }
}

/** BG-23: every document has one rate. */
function addTax(
  root: XMLBuilder,
  { totals }: DocumentContent,
  tax: DocumentTax,
  words: Words,
): void {
  const element = root.ele('cac:TaxTotal')
  amount(element, 'TaxAmount', totals.vatCents)
  const part = element.ele('cac:TaxSubtotal')
  amount(part, 'TaxableAmount', totals.netCents)
  amount(part, 'TaxAmount', totals.vatCents)
  const reason = tax.note === null ? undefined : (words.notes[tax.rule] ?? tax.note)
  addCategory(part, 'TaxCategory', tax, reason)
}

/** BG-22. */
function addTotals(root: XMLBuilder, { lines, totals, paidCents }: DocumentContent): void {
  const element = root.ele('cac:LegalMonetaryTotal')
  const sum = (some: typeof lines) => some.reduce((total, { cents }) => total + cents, 0n)
  const allowances = lines.filter(isAllowance)
  amount(element, 'LineExtensionAmount', sum(lines.filter((line) => !isAllowance(line))))
  amount(element, 'TaxExclusiveAmount', totals.netCents)
  amount(element, 'TaxInclusiveAmount', totals.grossCents)
  if (allowances.length > 0) amount(element, 'AllowanceTotalAmount', -sum(allowances))
  amount(element, 'PrepaidAmount', paidCents)
  amount(element, 'PayableAmount', totals.grossCents - paidCents)
}

/** BG-25. The price of a line is the line: what was used is priced by the token, far below a cent. */
function addLines(
  root: XMLBuilder,
  { lines, kind }: DocumentContent,
  tax: DocumentTax,
  words: Words,
): void {
  const isNote = kind === 'credit-note'
  for (const line of lines.filter((one) => !isAllowance(one))) {
    const element = root.ele(isNote ? 'cac:CreditNoteLine' : 'cac:InvoiceLine')
    leaf(element, 'ID', String(line.number))
    leaf(element, isNote ? 'CreditedQuantity' : 'InvoicedQuantity', '1', { unitCode: ONE })
    amount(element, 'LineExtensionAmount', line.cents)
    const item = element.ele('cac:Item')
    const label = words.labels[line.label]
    leaf(item, 'Name', line.detail === null ? label : `${label}: ${line.detail}`)
    addCategory(item, 'ClassifiedTaxCategory', tax)
    amount(element.ele('cac:Price'), 'PriceAmount', line.cents)
  }
}

const isAllowance = ({ label }: DocumentContent['lines'][number]): boolean => label === 'fee'
