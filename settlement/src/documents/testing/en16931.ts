import { convert } from 'xmlbuilder2'

/**
 * The business rules of EN 16931-1 that an invoice of ours could break, by their names. Read from the XML alone: nothing of
 * what wrote it is used.
 */
export function brokenRules(xml: string): string[] {
  const parsed = convert(xml, { format: 'object' }) as Record<string, unknown>
  const isNote = 'CreditNote' in parsed
  const root = isNote ? parsed.CreditNote : parsed.Invoice
  const invoice = readInvoice(root, isNote)
  return [...BASIC, ...SUMS, ...CATEGORIES].flatMap(([name, holds]) =>
    holds(invoice) ? [] : [name],
  )
}

/** Elements at a path, in any number. */
function all(node: unknown, path: string): unknown[] {
  return path.split('/').reduce<unknown[]>(
    (nodes, name) =>
      nodes.flatMap((one) => {
        const found = typeof one === 'object' && one !== null ? Reflect.get(one, name) : undefined
        return found === undefined ? [] : Array.isArray(found) ? found : [found]
      }),
    [node],
  )
}

function text(node: unknown): string {
  if (typeof node === 'string') return node
  const inner = typeof node === 'object' && node !== null ? Reflect.get(node, '#') : undefined
  return typeof inner === 'string' ? inner : ''
}

const texts = (node: unknown, path: string): string[] => all(node, path).map(text)

/** Cents; a third decimal place is refused (BR-DEC). */
function cents(decimal: string): bigint {
  const [, sign = '', euros = '', rest = ''] = /^(-?)(\d+)\.(\d{2})$/u.exec(decimal) ?? []
  if (euros === '') throw new Error(`not an amount: ${decimal}`)
  return BigInt(`${sign}${euros}${rest}`)
}

const sum = (amounts: readonly bigint[]) => amounts.reduce((a, b) => a + b, 0n)
const amounts = (node: unknown, path: string) => texts(node, path).map(cents)
const one = (node: unknown, path: string) => sum(amounts(node, path))

function readInvoice(root: unknown, isNote: boolean) {
  const total = 'cac:LegalMonetaryTotal/cbc'
  const party = (side: string) => `cac:Accounting${side}Party/cac:Party`
  const category = (node: unknown, name: string) =>
    all(node, `cac:${name}`).map((it) => ({
      id: texts(it, 'cbc:ID')[0] ?? '',
      percent: texts(it, 'cbc:Percent')[0],
      reasons: [...texts(it, 'cbc:TaxExemptionReason'), ...texts(it, 'cbc:TaxExemptionReasonCode')],
    }))
  return {
    isNote,
    root,
    seller: readParty(root, party('Supplier')),
    buyer: readParty(root, party('Customer')),
    lines: all(root, isNote ? 'cac:CreditNoteLine' : 'cac:InvoiceLine').map((line) => ({
      node: line,
      net: one(line, 'cbc:LineExtensionAmount'),
      price: one(line, 'cac:Price/cbc:PriceAmount'),
      categories: category(all(line, 'cac:Item')[0], 'ClassifiedTaxCategory'),
    })),
    allowances: all(root, 'cac:AllowanceCharge').map((allowance) => ({
      isCharge: texts(allowance, 'cbc:ChargeIndicator')[0] === 'true',
      reason: texts(allowance, 'cbc:AllowanceChargeReason')[0],
      amount: one(allowance, 'cbc:Amount'),
      categories: category(allowance, 'TaxCategory'),
    })),
    breakdown: all(root, 'cac:TaxTotal/cac:TaxSubtotal').map((part) => ({
      taxable: one(part, 'cbc:TaxableAmount'),
      tax: one(part, 'cbc:TaxAmount'),
      categories: category(part, 'TaxCategory'),
    })),
    tax: one(root, 'cac:TaxTotal/cbc:TaxAmount'),
    lineTotal: one(root, `${total}:LineExtensionAmount`),
    exclusive: one(root, `${total}:TaxExclusiveAmount`),
    inclusive: one(root, `${total}:TaxInclusiveAmount`),
    allowanceTotal: one(root, `${total}:AllowanceTotalAmount`),
    prepaid: one(root, `${total}:PrepaidAmount`),
    payable: one(root, `${total}:PayableAmount`),
  }
}
type Invoice = ReturnType<typeof readInvoice>

function readParty(root: unknown, path: string) {
  const schemes = all(root, `${path}/cac:PartyTaxScheme`)
  const idsOf = (wanted: string) =>
    schemes
      .filter((scheme) => texts(scheme, 'cac:TaxScheme/cbc:ID')[0] === wanted)
      .flatMap((scheme) => texts(scheme, 'cbc:CompanyID'))
  return {
    names: texts(root, `${path}/cac:PartyLegalEntity/cbc:RegistrationName`),
    countries: texts(root, `${path}/cac:PostalAddress/cac:Country/cbc:IdentificationCode`),
    vatIds: idsOf('VAT'),
    taxNumbers: idsOf('FC'),
    ids: [
      ...texts(root, `${path}/cac:PartyIdentification/cbc:ID`),
      ...texts(root, `${path}/cac:PartyLegalEntity/cbc:CompanyID`),
    ],
  }
}

type Rule = readonly [name: string, holds: (invoice: Invoice) => boolean]

const isFilled = (found: readonly string[]) => found.length === 1 && found[0] !== ''
const has = (path: string) => (invoice: Invoice) => isFilled(texts(invoice.root, path))

const BASIC: readonly Rule[] = [
  ['BR-01', has('cbc:CustomizationID')],
  ['BR-02', has('cbc:ID')],
  ['BR-03', has('cbc:IssueDate')],
  ['BR-04', (it) => has(it.isNote ? 'cbc:CreditNoteTypeCode' : 'cbc:InvoiceTypeCode')(it)],
  ['BR-05', has('cbc:DocumentCurrencyCode')],
  ['BR-06', ({ seller }) => isFilled(seller.names)],
  ['BR-07', ({ buyer }) => isFilled(buyer.names)],
  ['BR-09', ({ seller }) => isFilled(seller.countries)],
  ['BR-11', ({ buyer }) => isFilled(buyer.countries)],
  ['BR-16', ({ lines }) => lines.length > 0],
  ['BR-21', ({ lines }) => lines.every(({ node }) => isFilled(texts(node, 'cbc:ID')))],
  ['BR-25', ({ lines }) => lines.every(({ node }) => isFilled(texts(node, 'cac:Item/cbc:Name')))],
  ['BR-27', ({ lines }) => lines.every(({ price }) => price >= 0n)],
  ['BR-33', ({ allowances }) => allowances.every(({ reason }) => (reason ?? '') !== '')],
  [
    'BR-55',
    ({ root, isNote }) =>
      !isNote || isFilled(texts(root, 'cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID')),
  ],
  ['BR-CO-04', ({ lines }) => lines.every(({ categories }) => categories.length === 1)],
  ['BR-CO-18', ({ breakdown }) => breakdown.length > 0],
  ['BR-CO-26', ({ seller }) => seller.ids.length + seller.vatIds.length > 0],
]

const SUMS: readonly Rule[] = [
  ['BR-CO-10', ({ lines, lineTotal }) => sum(lines.map(({ net }) => net)) === lineTotal],
  [
    'BR-CO-11',
    ({ allowances, allowanceTotal }) =>
      sum(allowances.filter((it) => !it.isCharge).map(({ amount }) => amount)) === allowanceTotal,
  ],
  [
    'BR-CO-13',
    ({ lineTotal, allowanceTotal, exclusive }) => lineTotal - allowanceTotal === exclusive,
  ],
  ['BR-CO-14', ({ breakdown, tax }) => sum(breakdown.map((part) => part.tax)) === tax],
  ['BR-CO-15', ({ exclusive, tax, inclusive }) => exclusive + tax === inclusive],
  ['BR-CO-16', ({ inclusive, prepaid, payable }) => inclusive - prepaid === payable],
  [
    'BR-CO-17',
    ({ breakdown }) =>
      breakdown.every(({ taxable, tax, categories }) => {
        const rate = Number(categories[0]?.percent ?? 0)
        // Within the cent that splitting a gross amount can cost; the official rules allow a euro.
        return Math.abs(Number(tax) - (Number(taxable) * rate) / 100) <= 1
      }),
  ],
]

const CATEGORIES: readonly Rule[] = [
  ...(['S', 'AE', 'E', 'O'] as const).flatMap((id): Rule[] => [
    [`BR-${id}-01`, (it) => usesOf(it, id).length === 0 || partsOf(it, id).length === 1],
    [
      `BR-${id}-08`,
      (it) =>
        partsOf(it, id).every(
          ({ taxable }) => taxable === sum(usesOf(it, id).map(({ signed }) => signed)),
        ),
    ],
  ]),
  rule('S', '02', ({ seller }) => seller.vatIds.length + seller.taxNumbers.length > 0),
  rule('S', '05', (it) => usesOf(it, 'S').every(({ percent }) => Number(percent) > 0)),
  rule('S', '10', (it) => partsOf(it, 'S').every((part) => reasonsOf(part).length === 0)),
  rule(
    'AE',
    '02',
    ({ seller, buyer }) =>
      seller.vatIds.length + seller.taxNumbers.length > 0 && buyer.vatIds.length > 0,
  ),
  ...(['AE', 'E'] as const).flatMap((id) => [
    rule(id, '05', (it) => usesOf(it, id).every(({ percent }) => Number(percent) === 0)),
    rule(id, '09', (it) => partsOf(it, id).every(({ tax }) => tax === 0n)),
    rule(id, '10', (it) => partsOf(it, id).every((part) => reasonsOf(part).length > 0)),
  ]),
  rule('E', '02', ({ seller }) => seller.vatIds.length + seller.taxNumbers.length > 0),
  rule('O', '02', ({ seller, buyer }) => [...seller.vatIds, ...buyer.vatIds].length === 0),
  rule('O', '05', (it) => usesOf(it, 'O').every(({ percent }) => percent === undefined)),
  rule('O', '09', (it) => partsOf(it, 'O').every(({ tax }) => tax === 0n)),
  rule('O', '10', (it) => partsOf(it, 'O').every((part) => reasonsOf(part).length > 0)),
  rule('O', '11', ({ breakdown }) => breakdown.length === 1),
]

/** A rule for invoices that use a category. */
function rule(id: string, number: string, holds: Rule[1]): Rule {
  return [`BR-${id}-${number}`, (it) => usesOf(it, id).length === 0 || holds(it)]
}

const usesOf = ({ lines, allowances }: Invoice, id: string) =>
  [
    ...lines.flatMap(({ net, categories }) => categories.map((it) => ({ ...it, signed: net }))),
    ...allowances.flatMap(({ amount, categories }) =>
      categories.map((it) => ({ ...it, signed: -amount })),
    ),
  ].filter((use) => use.id === id)

const partsOf = ({ breakdown }: Invoice, id: string) =>
  breakdown.filter(({ categories }) => categories[0]?.id === id)
const reasonsOf = ({ categories }: Invoice['breakdown'][number]) =>
  categories.flatMap(({ reasons }) => reasons)
