import { buffer } from 'node:stream/consumers'
import PDFDocument from 'pdfkit'
import { counted, exactEuros, longDate } from '../../documents/render/figures.ts'
import { MUTED, PAGE, Page } from '../../documents/render/page.ts'
import { drawTable } from '../../documents/render/table.ts'
import type { Summary } from './summary.ts'
import { SUMMARY_WORDS, type SummaryLanguage, type SummaryWords } from './words.ts'

/** Euros with all their places: receipts are of millionths of cents. */
const PLACES = 12

/** The summary on paper. The same summary gives the same bytes. */
export async function renderSummary(summary: Summary, language: SummaryLanguage): Promise<Buffer> {
  const words = SUMMARY_WORDS[language]
  const made = new Date(summary.madeAt)
  const pdf = new PDFDocument({
    size: 'A4',
    margin: 0,
    bufferPages: true,
    pdfVersion: '1.7',
    lang: language,
    displayTitle: true,
    info: { Title: words.title, Author: summary.issuer, CreationDate: made, ModDate: made },
  })
  const bytes = buffer(pdf)
  const page = new Page(pdf, () => {})
  drawHead(page, summary, words)
  drawKinds(page, summary, words)
  drawUses(page, summary, words)
  drawRefusals(page, summary, words)
  drawFiles(page, summary, words)
  drawHow(page, summary, words)
  numberPages(page, words)
  pdf.end()
  return bytes
}

function drawHead(page: Page, summary: Summary, words: SummaryWords): void {
  const { organization, name, from, to, madeAt, chosen, issuer, network, log } = summary
  page.paragraph(words.title, { size: 18, bold: true })
  page.space(4)
  page.paragraph(words.intro, { color: MUTED })
  page.space(8)
  const period = `${longDate(from, words)} – ${longDate(Math.max(from, to - 1), words)}`
  const facts: [string, string][] = [
    [words.organization, name === organization ? name : `${name} (${organization})`],
    [words.period, period],
    ...(chosen === 0 ? [] : [['', words.chosen(counted(chosen, words))] as [string, string]]),
    [words.made, timeOf(madeAt)],
    [words.issuer, issuer],
    [words.network, network],
    [words.log, log.origin],
    [words.entries, log.size.toString()],
    [words.root, log.root],
    [words.witnesses, counted(log.witnesses, words)],
  ]
  for (const [title, value] of facts) {
    page.room(18)
    page.at(PAGE.left, page.y, title, { color: MUTED, width: 150 })
    page.y += page.at(PAGE.left + 160, page.y, value) + 3
  }
}

function drawKinds(page: Page, { kinds }: Summary, words: SummaryWords): void {
  heading(page, words.events)
  if (kinds.length === 0) {
    page.paragraph(words.nothing)
    return
  }
  drawTable(
    page,
    [
      { title: words.kind, share: 80, align: 'left' },
      { title: words.count, share: 20, align: 'right' },
    ],
    kinds.map(([kind, events]) => [words.kinds[kind] ?? kind, counted(events, words)]),
  )
}

function drawUses(page: Page, { uses }: Summary, words: SummaryWords): void {
  heading(page, words.uses)
  if (uses.length === 0) {
    page.paragraph(words.nothing)
    return
  }
  const amountText = (amount: bigint) => exactEuros(amount, words, PLACES)
  const sum = uses.reduce((all, { amount }) => all + amount, 0n)
  drawTable(
    page,
    [
      { title: words.model, share: 38, align: 'left' },
      { title: words.country, share: 10, align: 'left' },
      { title: words.providers, share: 12, align: 'right' },
      { title: words.bookings, share: 13, align: 'right' },
      { title: words.amount, share: 27, align: 'right' },
    ],
    [
      ...uses.map(({ model, country, providers, bookings, amount }) => [
        model,
        country,
        counted(providers, words),
        counted(bookings, words),
        amountText(amount),
      ]),
      [words.total, '', '', '', amountText(sum)],
    ],
  )
}

function drawRefusals(page: Page, { refusals, moreRefusals }: Summary, words: SummaryWords): void {
  heading(page, words.refusals)
  if (refusals.length === 0) {
    page.paragraph(words.noRefusals)
    return
  }
  drawTable(
    page,
    [
      { title: words.when, share: 28, align: 'left' },
      { title: words.kind, share: 40, align: 'left' },
      { title: words.reason, share: 32, align: 'left' },
    ],
    refusals.map(({ at, kind, reason }) => [timeOf(at), words.kinds[kind] ?? kind, reason]),
  )
  if (moreRefusals > 0) page.paragraph(words.moreRefusals(counted(moreRefusals, words)))
}

function drawFiles(page: Page, { files }: Summary, words: SummaryWords): void {
  heading(page, words.files)
  drawTable(
    page,
    [
      { title: words.file, share: 25, align: 'left' },
      { title: words.count, share: 12, align: 'right' },
      { title: words.proves, share: 63, align: 'left' },
    ],
    files.map(([folder, count]) => [folder, counted(count, words), words.folders[folder] ?? '']),
  )
}

function drawHow(page: Page, { network, issuer }: Summary, words: SummaryWords): void {
  heading(page, words.how)
  page.paragraph(words.command.replace('{network}', network).replace('{issuer}', issuer), {
    bold: true,
  })
  for (const limit of words.limits) page.paragraph(`• ${limit}`)
}

function heading(page: Page, text: string): void {
  page.space(12)
  page.room(70)
  page.paragraph(text, { size: 11, bold: true })
  page.space(2)
}

function numberPages({ pdf }: Page, words: SummaryWords): void {
  const { start, count } = pdf.bufferedPageRange()
  for (let i = start; i < start + count; i++) {
    pdf.switchToPage(i)
    const style = { size: 7, color: MUTED, align: 'right' } as const
    new Page(pdf, () => {}).at(PAGE.left, PAGE.height - 30, words.page(i - start + 1, count), style)
  }
}

/** `2026-11-02 08:15:00`, UTC. */
const timeOf = (at: number): string => new Date(at).toISOString().slice(0, 19).replace('T', ' ')
