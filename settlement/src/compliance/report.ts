import { buffer } from 'node:stream/consumers'
import PDFDocument from 'pdfkit'
import { MUTED, PAGE, Page } from '../documents/render/page.ts'
import { drawTable } from '../documents/render/table.ts'
import type { Language } from '../documents/render/words.ts'

/** A part of a report, one after the other. */
export type Block =
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'table'
      /** Titles with their shares of the width. */
      readonly columns: readonly (readonly [title: string, share: number])[]
      readonly rows: readonly (readonly string[])[]
    }

export interface Report {
  readonly title: string
  /** Milliseconds since 1970. */
  readonly madeAt: number
  readonly language: Language
  readonly blocks: readonly Block[]
}

export function reportMarkdown({ title, blocks }: Report): string {
  return `${[`# ${title}`, ...blocks.map(markdownOf)].join('\n\n')}\n`
}

function markdownOf(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `## ${plain(block.text)}`
    case 'text':
      return plain(block.text)
    case 'table':
      return [
        row(block.columns.map(([title]) => title)),
        row(block.columns.map(() => '---')),
        ...block.rows.map(row),
      ].join('\n')
  }
}

const row = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => plain(cell).replaceAll('|', '\\|')).join(' | ')} |`

/** What operators typed is text, on one line, and no markup. */
const plain = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll(/[\\`*_<>[\]]/gu, (mark) => `\\${mark}`)

/** The same report gives the same bytes. */
export async function reportPdf({ title, madeAt, language, blocks }: Report): Promise<Buffer> {
  const at = new Date(madeAt)
  const pdf = new PDFDocument({
    size: 'A4',
    margin: 0,
    pdfVersion: '1.7',
    lang: language,
    displayTitle: true,
    info: { Title: title, CreationDate: at, ModDate: at },
  })
  const bytes = buffer(pdf)
  const page = new Page(pdf, (next) => {
    next.at(PAGE.left, next.y, title, { size: 8, color: MUTED })
    next.space(24)
  })
  page.paragraph(title, { size: 16, bold: true })
  page.space(6)
  for (const block of blocks) draw(page, block)
  pdf.end()
  return bytes
}

function draw(page: Page, block: Block): void {
  switch (block.kind) {
    case 'heading':
      page.space(10)
      page.room(60)
      page.paragraph(block.text, { size: 12, bold: true })
      return
    case 'text':
      page.paragraph(block.text)
      return
    case 'table':
      drawTable(
        page,
        block.columns.map(([title, share]) => ({ title, share, align: 'left' })),
        block.rows,
      )
      page.space(4)
  }
}
