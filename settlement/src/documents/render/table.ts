import { MUTED, PAGE, type Page, RIGHT, WIDTH } from './page.ts'

export interface Column {
  readonly title: string
  /** Share of the width. */
  readonly share: number
  readonly align: 'left' | 'right'
}

const GAP = 8
const ROW_SPACE = 5
const BODY = { size: 9 }
const HEAD = { size: 8, color: MUTED }

/** Rows under a head that comes again on each page. */
export function drawTable(
  page: Page,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): void {
  const places = placesOf(columns)
  const drawHead = () => {
    for (const { column, x, width } of places) {
      page.at(x, page.y, column.title, { ...HEAD, align: column.align, width })
    }
    page.space(14)
    page.rule()
    page.space(ROW_SPACE)
  }
  // The head does not stand alone at a page's end.
  page.room(60)
  drawHead()
  for (const row of rows) {
    const height = Math.max(
      ...places.map(({ width }, i) => page.height(row[i] ?? '', { ...BODY, width })),
    )
    const before = page.y
    page.room(height + ROW_SPACE)
    if (page.y < before) drawHead()
    for (const [i, { column, x, width }] of places.entries()) {
      page.at(x, page.y, row[i] ?? '', { ...BODY, align: column.align, width })
    }
    page.space(height + ROW_SPACE - 2)
    page.rule()
    page.space(ROW_SPACE)
  }
}

function placesOf(columns: readonly Column[]) {
  const shares = columns.reduce((sum, { share }) => sum + share, 0)
  const free = WIDTH - GAP * (columns.length - 1)
  let x = PAGE.left
  return columns.map((column) => {
    const width = (free * column.share) / shares
    const place = { column, x, width }
    x += width + GAP
    return place
  })
}

/** Names and values at the right, as sums are. */
export function drawSums(
  page: Page,
  sums: readonly { readonly name: string; readonly value: string; readonly bold?: boolean }[],
): void {
  const left = PAGE.left + WIDTH * 0.5
  page.room(sums.length * 17)
  for (const { name, value, bold = false } of sums) {
    if (bold) {
      page.rule(left, RIGHT)
      page.space(5)
    }
    const style = { size: bold ? 10 : 9, bold }
    page.at(left, page.y, name, style)
    page.at(left, page.y, value, { ...style, align: 'right' })
    page.space(bold ? 18 : 15)
  }
}
