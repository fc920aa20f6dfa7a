import { buffer } from 'node:stream/consumers'
import PDFDocument from 'pdfkit'
import type { DocumentContent, Party } from '../document.ts'
import type { Seller } from '../seller.ts'
import {
  counted,
  countryName,
  euros,
  exactEuros,
  longDate,
  percent,
  periodText,
  placesOf,
} from './figures.ts'
import { INK, MUTED, PAGE, Page, RIGHT, WIDTH } from './page.ts'
import { type Column, drawSums, drawTable } from './table.ts'
import { hasUbl, renderUbl } from './ubl.ts'
import { type Language, titleOf, WORDS, type Words } from './words.ts'

export interface PdfOptions {
  readonly language: Language
  /** The operator's bank, for the foot of what it issues. */
  readonly bank?: Pick<Seller, 'iban' | 'bic'>
  /** Where the receipts behind the document are listed. */
  readonly url: string
}

/** Points from the top, DIN 5008 form B. */
const SENDER_Y = 128
const ADDRESS_Y = 142
const BODY_Y = 280

/**
 * The document on paper. The same document gives the same bytes; an invoice carries its XML form as an attachment.
 */
export async function renderPdf(content: DocumentContent, options: PdfOptions): Promise<Buffer> {
  const words = WORDS[options.language]
  const title = titleOf(content, words)
  const pdf = new PDFDocument({
    size: 'A4',
    margin: 0,
    bufferPages: true,
    pdfVersion: '1.7',
    lang: options.language,
    displayTitle: true,
    info: {
      Title: `${title} ${content.number}`,
      Author: issuerOf(content).name,
      CreationDate: new Date(content.issuedAt),
      ModDate: new Date(content.issuedAt),
    },
  })
  const bytes = buffer(pdf)
  const page = new Page(pdf, (next) => drawSmallHead(next, content, title))
  drawHead(page, content, title, words)
  drawLines(page, content, words)
  drawTotals(page, content, words)
  drawAdvances(page, content, words)
  drawAccount(page, content, words)
  drawNotes(page, content, words, options.url)
  finishPages(page, content, words, options)
  if (hasUbl(content)) attachUbl(pdf, content)
  pdf.end()
  return bytes
}

/** Who writes the document: the operator, also when it is the provider's invoice. */
const issuerOf = ({ kind, seller, buyer }: DocumentContent): Party =>
  kind === 'provider-statement' ? buyer : seller
const readerOf = ({ kind, seller, buyer }: DocumentContent): Party =>
  kind === 'provider-statement' ? seller : buyer

function drawHead(page: Page, content: DocumentContent, title: string, words: Words): void {
  const issuer = issuerOf(content)
  const reader = readerOf(content)
  page.at(PAGE.left, PAGE.top, issuer.name, { size: 13, bold: true })
  const sender = [issuer.name, issuer.street, placeOf(issuer)].filter(Boolean).join(' · ')
  page.at(PAGE.left, SENDER_Y, sender, { size: 6.5, color: MUTED, width: WIDTH * 0.5 })
  page.at(PAGE.left, ADDRESS_Y, addressOf(reader, words), { size: 10, width: WIDTH * 0.5 })
  drawFacts(page, content, words)
  page.y = BODY_Y
  page.paragraph(title, { size: 18, bold: true })
  page.space(10)
}

function addressOf(party: Party, words: Words): string {
  const country = party.country && countryName(party.country, words)
  return [party.name, party.street, placeOf(party), country].filter(Boolean).join('\n')
}
const placeOf = ({ postalCode, city }: Party): string =>
  [postalCode, city].filter((part) => part !== null).join(' ')

/** What identifies the document, at the right of the address. */
function drawFacts(page: Page, content: DocumentContent, words: Words): void {
  const { number, issuedAt, taxPoint, period, corrects, kind } = content
  const reader = readerOf(content)
  const facts: [string, string | null][] = [
    [words.number, number],
    [words.date, longDate(issuedAt, words)],
    [words.taxPoint, kind === 'advance-invoice' ? longDate(taxPoint, words) : null],
    [words.period, period && periodText(period, words)],
    [words.corrects, corrects && `${corrects.number}, ${longDate(corrects.issuedAt, words)}`],
    [kind === 'provider-statement' ? words.provider : words.customer, reader.id],
    [words.vatId, reader.vatId],
    [words.taxNumber, reader.taxNumber],
  ]
  const left = PAGE.left + WIDTH * 0.54
  let y = SENDER_Y
  for (const [name, value] of facts) {
    if (value === null) continue
    page.at(left, y, name, { size: 8, color: MUTED, width: 68 })
    y += page.at(left + 72, y, value, { size: 8, width: RIGHT - left - 72 }) + 3
  }
}

function drawSmallHead(page: Page, content: DocumentContent, title: string): void {
  page.at(PAGE.left, page.y, issuerOf(content).name, { size: 8, color: MUTED })
  const right = { size: 8, color: MUTED, align: 'right' } as const
  page.at(PAGE.left, page.y, `${title} ${content.number}`, right)
  page.space(24)
}

/** Some twenty pages. Consumer and provider name their models, so that two who are one could make any number of lines. */
const LINES_MAX = 500

function drawLines(page: Page, content: DocumentContent, words: Words): void {
  const lines = content.lines.slice(0, LINES_MAX)
  const rest = content.lines.slice(LINES_MAX)
  const hasUsage = lines.some(({ exact }) => exact !== null)
  const columns: Column[] = [
    { title: words.description, share: hasUsage ? 40 : 80, align: 'left' },
    ...(hasUsage
      ? ([
          { title: words.sessions, share: 12, align: 'right' },
          { title: words.receipts, share: 12, align: 'right' },
          { title: words.exact, share: 22, align: 'right' },
        ] as const)
      : []),
    { title: words.amount, share: 16, align: 'right' },
  ]
  const places = placesOf(lines.map(({ exact }) => exact ?? 0n))
  const rows = lines.map(({ label, detail, sessions, receipts, exact, cents }) => {
    const text = words.labels[label]
    const described = detail === null ? text : label === 'usage' ? detail : `${text} ${detail}`
    const count = (number: number | null) => (number === null ? '' : counted(number, words))
    return [
      described,
      ...(hasUsage
        ? [count(sessions), count(receipts), exact === null ? '' : exactEuros(exact, words, places)]
        : []),
      euros(cents, words),
    ]
  })
  if (rest.length > 0) {
    const cents = rest.reduce((sum, line) => sum + line.cents, 0n)
    rows.push([
      words.more(counted(rest.length, words)),
      ...(hasUsage ? ['', '', ''] : []),
      euros(cents, words),
    ])
  }
  drawTable(page, columns, rows)
  page.space(6)
}

function drawTotals(page: Page, content: DocumentContent, words: Words): void {
  const { totals, tax, paidCents, kind, carry } = content
  const isStatement = kind === 'usage-statement' || kind === 'provider-statement'
  const vat = tax?.category === 'S' ? words.vat(percent(tax.rateBps, words)) : words.noVat
  drawSums(page, [
    ...(tax === null
      ? []
      : [
          { name: words.net, value: euros(totals.netCents, words) },
          { name: vat, value: euros(totals.vatCents, words) },
        ]),
    { name: words.total, value: euros(totals.grossCents, words), bold: true },
    ...(isStatement
      ? []
      : [
          {
            name: kind === 'credit-note' ? words.refunded : words.paid,
            value: euros(paidCents, words),
          },
          { name: words.payable, value: euros(totals.grossCents - paidCents, words) },
        ]),
  ])
  if (carry === null) return
  page.space(2)
  const rows = [
    [words.carriedFrom, carry.from] as const,
    [words.carriedTo, carry.to] as const,
  ].filter(([, amount]) => amount !== 0n)
  for (const [name, amount] of rows) {
    page.paragraph(`${name}: ${exactEuros(amount, words)} EUR`, { size: 8, color: MUTED })
  }
}

function drawAdvances(page: Page, { advances }: DocumentContent, words: Words): void {
  if (advances.length === 0) return
  heading(page, words.advances)
  drawTable(
    page,
    [
      { title: words.number, share: 84, align: 'left' },
      { title: words.amount, share: 16, align: 'right' },
    ],
    advances.map(({ number, kind, grossCents }) => [
      number,
      euros(kind === 'credit-note' ? -grossCents : grossCents, words),
    ]),
  )
}

function drawAccount(
  page: Page,
  { account, kind: documentKind }: DocumentContent,
  words: Words,
): void {
  if (account === null) return
  heading(page, words.account)
  const { opening, movements, closing, heldBack, debt } = account
  const rows: [string, bigint][] = [
    [words.opening, opening],
    ...movements.map(({ kind, amount }): [string, bigint] => [
      movementName(kind, documentKind, words),
      amount,
    ]),
    [words.closing, closing],
    ...(heldBack === null || heldBack === 0n
      ? []
      : [[words.heldBack, heldBack] as [string, bigint]]),
    ...(debt === 0n ? [] : [[words.debt, debt] as [string, bigint]]),
  ]
  const places = placesOf(rows.map(([, amount]) => amount))
  drawTable(
    page,
    [
      { title: words.description, share: 70, align: 'left' },
      { title: words.exact, share: 30, align: 'right' },
    ],
    rows.map(([name, amount]) => [name, exactEuros(amount, words, places)]),
  )
}

/** What one side used, the other earned. A kind that has no words yet is shown as it is called. */
function movementName(kind: string, document: DocumentContent['kind'], words: Words): string {
  const name = kind === 'usage' && document === 'provider-statement' ? 'earnings' : kind
  return words.movements[name] ?? kind.replaceAll('_', ' ')
}

function heading(page: Page, text: string): void {
  page.space(14)
  page.room(80)
  page.paragraph(text, { size: 11, bold: true })
  page.space(2)
}

function drawNotes(page: Page, content: DocumentContent, words: Words, url: string): void {
  const { tax, kind, selfBilling, lines } = content
  const notes = [
    ...(tax?.note == null ? [] : [words.notes[tax.rule] ?? tax.note]),
    ...(tax?.vatIdCheck == null ? [] : [vatIdNote(tax.vatIdCheck, words)]),
    ...(selfBilling === null
      ? []
      : [words.agreed(selfBilling.terms, longDate(selfBilling.agreedAt, words))]),
    ...(kind === 'usage-statement' ? [words.usageNote] : []),
    ...(kind === 'provider-statement' && tax === null && lines.length > 0
      ? [words.earningsNote]
      : []),
    ...(kind === 'advance-invoice' ? [tax === null ? words.receiptNote : words.advanceNote] : []),
  ]
  page.space(14)
  for (const note of notes) page.paragraph(note, { size: 9 })
  if (content.period !== null || kind === 'usage-statement') {
    page.paragraph(`${words.proofs} ${url}`, { size: 8, color: MUTED })
  }
}

function vatIdNote(
  { at, consultation }: { at: number; consultation: string | null },
  words: Words,
) {
  return words.vatIdConfirmed(
    longDate(at, words),
    consultation === null ? '' : ` (${consultation})`,
  )
}

/** The foot of every page and, on tests, the mark across it: drawn last, when the pages are counted. */
function finishPages(
  { pdf }: Page,
  content: DocumentContent,
  words: Words,
  { bank }: PdfOptions,
): void {
  const { start, count } = pdf.bufferedPageRange()
  for (let i = start; i < start + count; i++) {
    pdf.switchToPage(i)
    const page = new Page(pdf, () => {})
    if (content.test) drawTestMark(page, words)
    page.y = PAGE.height - PAGE.bottom + 22
    page.rule()
    page.space(7)
    const parts = footOf(issuerOf(content), words, bank)
    const width = WIDTH / 3
    for (const [column, text] of parts.entries()) {
      const style = { size: 7, color: MUTED, width: width - 8 }
      page.at(PAGE.left + column * width, page.y, text, style)
    }
    const style = { size: 7, color: MUTED, align: 'right' } as const
    page.at(PAGE.left, PAGE.height - 30, words.page(i - start + 1, count), style)
  }
}

function footOf(issuer: Party, words: Words, bank: PdfOptions['bank']): string[] {
  const lines = (...parts: (string | null | undefined)[]) => parts.filter(Boolean).join('\n')
  const named = (name: string, value: string | null) => value && `${name}: ${value}`
  return [
    lines(issuer.name, issuer.street, placeOf(issuer)),
    lines(
      named(words.vatId, issuer.vatId),
      named(words.taxNumber, issuer.taxNumber),
      issuer.registration,
    ),
    lines(issuer.email, named('IBAN', bank?.iban ?? null), named('BIC', bank?.bic ?? null)),
  ]
}

function drawTestMark(page: Page, words: Words): void {
  const { pdf } = page
  const center: [number, number] = [PAGE.width / 2, PAGE.height / 2]
  pdf.save().rotate(-45, { origin: center }).fillOpacity(0.06)
  pdf.font('Helvetica-Bold', 190).fillColor(INK)
  const width = pdf.widthOfString('TEST')
  pdf.text('TEST', center[0] - width / 2, center[1] - 95, { lineBreak: false })
  pdf.restore().fillOpacity(1)
  page.at(PAGE.left, 34, words.test, { size: 8, bold: true, color: '#b91c1c' })
}

function attachUbl(pdf: InstanceType<typeof PDFDocument>, content: DocumentContent): void {
  const at = new Date(content.issuedAt)
  pdf.file(Buffer.from(renderUbl(content)), {
    name: `${content.number}.xml`,
    type: 'application/xml',
    description: 'UBL 2.1, EN 16931',
    creationDate: at,
    modifiedDate: at,
  })
}
