/** How a table's rows are found, ordered and walked through: no page in here. */
export type Cell = string | number | bigint | null
export type Direction = 'ascending' | 'descending'

export type Column<Row> = {
  readonly id: string
  readonly name: string
  /** What is sorted by, and searched where it is text; null comes last. */
  readonly value: (row: Row) => Cell
  /** What is shown when the value's own text is not it. */
  readonly text?: (row: Row) => string
  readonly numeric?: boolean
  /** A track of a CSS grid, such as "12rem" or "minmax(8rem, 1fr)". */
  readonly width: string
  /** The same where even those that stay have no room for it: on a phone there are some 21 rem for all columns. */
  readonly narrow?: string
  /** Left out where there is no room, the last one first; the row is opened to see it. */
  readonly wideOnly?: boolean
  /** What the first click sorts to, where it is not what the kind of value suggests: of prices the lowest. */
  readonly first?: Direction
  /** Searched, and not shown: what a row is found by, and only seen when it is opened. */
  readonly isHidden?: boolean
  /** Buttons and no value: nothing to sort by. */
  readonly isActions?: boolean
}

/**
 * The columns that a table of this width has room for, and their tracks: what may be left out goes first, from the right, and
 * then all are narrow.
 *
 * @param room rem
 */
export function fitting<Row>(
  columns: readonly Column<Row>[],
  room: number,
): { readonly columns: readonly Column<Row>[]; readonly tracks: string } {
  const left = columns.filter(({ isHidden }) => isHidden !== true)
  const fits = () => left.reduce((sum, { width }) => sum + leastRem(width), 0) <= room
  while (!fits()) {
    const last = left.findLastIndex(({ wideOnly }) => wideOnly === true)
    if (last === -1) break
    left.splice(last, 1)
  }
  const isNarrow = !fits()
  const tracks = left.map(({ width, narrow = width }) => (isNarrow ? narrow : width)).join(' ')
  return { columns: left, tracks }
}

/** Of a track: the first length in it is its least one. */
function leastRem(track: string): number {
  return Number(/[\d.]+/u.exec(track)?.[0] ?? 0)
}

export type TableOrder = { readonly column: string; readonly direction: Direction }

/** After a click on a header: numbers begin with the largest, texts with A, and then the other way. */
export function orderAfter(order: TableOrder | undefined, column: Column<never>): TableOrder {
  const first = column.first ?? (column.numeric === true ? 'descending' : 'ascending')
  if (order?.column !== column.id) return { column: column.id, direction: first }
  const direction = order.direction === 'ascending' ? 'descending' : 'ascending'
  return { column: column.id, direction }
}

/** A sorted copy; rows that are equal stay in the order they came in. */
export function inOrder<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  order: TableOrder | undefined,
): readonly Row[] {
  const column = columns.find(({ id }) => id === order?.column)
  if (order === undefined || column === undefined) return rows
  const sign = order.direction === 'ascending' ? 1 : -1
  return rows
    .map((row) => ({ row, value: column.value(row) }))
    .sort((a, b) => compare(a.value, b.value, sign))
    .map(({ row }) => row)
}

/** What is searched of each row, made once: to write ten thousand dates and amounts takes longer than a key press may. */
export class SearchIndex<Row extends object> {
  readonly #columns: readonly Column<Row>[]
  readonly #texts = new WeakMap<Row, string>()

  constructor(columns: readonly Column<Row>[]) {
    this.#columns = columns
  }

  textOf(row: Row): string {
    const known = this.#texts.get(row)
    if (known !== undefined) return known
    const text = this.#columns
      .map((column) => shown(row, column))
      .join('\n')
      .toLowerCase()
    this.#texts.set(row, text)
    return text
  }

  /** The rows in which every word of `text` occurs, in any case. */
  matching(rows: readonly Row[], text: string): readonly Row[] {
    const words = text.toLowerCase().split(/\s+/u).filter(Boolean)
    if (words.length === 0) return rows
    return rows.filter((row) => {
      const all = this.textOf(row)
      return words.every((word) => all.includes(word))
    })
  }
}

export function shown<Row>(row: Row, column: Column<Row>): string {
  return column.text?.(row) ?? String(column.value(row) ?? '–')
}

export type Place = { readonly row: number; readonly column: number }
/** Where a key leads in a grid of cells; undefined for keys that are none of its business. */
export function placeAfter(
  key: string,
  { row, column }: Place,
  size: { readonly rows: number; readonly columns: number; readonly page: number },
): Place | undefined {
  const to = moves[key]?.({ row, column }, size)
  if (to === undefined) return undefined
  return {
    row: Math.max(0, Math.min(size.rows - 1, to.row)),
    column: Math.max(0, Math.min(size.columns - 1, to.column)),
  }
}

type Move = (at: Place, size: { rows: number; columns: number; page: number }) => Place
const moves: Readonly<Record<string, Move>> = {
  ArrowDown: ({ row, column }) => ({ row: row + 1, column }),
  ArrowUp: ({ row, column }) => ({ row: row - 1, column }),
  ArrowRight: ({ row, column }) => ({ row, column: column + 1 }),
  ArrowLeft: ({ row, column }) => ({ row, column: column - 1 }),
  PageDown: ({ row, column }, { page }) => ({ row: row + page, column }),
  PageUp: ({ row, column }, { page }) => ({ row: row - page, column }),
  Home: ({ column }) => ({ row: 0, column }),
  End: ({ column }, { rows }) => ({ row: rows - 1, column }),
}

function compare(a: Cell, b: Cell, sign: 1 | -1): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1
  if (a === b) return 0
  return a < b ? -sign : sign
}
