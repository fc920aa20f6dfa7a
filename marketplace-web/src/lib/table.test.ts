import { expect, test } from 'vitest'
import { type Column, fitting, inOrder, orderAfter, placeAfter, SearchIndex } from './table.ts'

type Row = { name: string; amount: bigint | null }
const name: Column<Row> = { id: 'name', name: 'Name', value: (row) => row.name, width: '1fr' }
const amount: Column<Row> = {
  id: 'amount',
  name: 'Amount',
  value: (row) => row.amount,
  text: (row) => (row.amount === null ? 'none' : `EUR ${row.amount}`),
  numeric: true,
  width: '1fr',
}
const columns = [name, amount]
const rows: Row[] = [
  { name: 'b', amount: 2n },
  { name: 'a', amount: null },
  { name: 'c', amount: 10n },
]
const names = (found: readonly Row[]) => found.map((row) => row.name).join('')

test('a column sorts either way, and what is unknown comes last both times', () => {
  const by = (column: string, direction: 'ascending' | 'descending') =>
    names(inOrder(rows, columns, { column, direction }))
  expect(by('amount', 'ascending')).toBe('bca')
  expect(by('amount', 'descending')).toBe('cba')
  expect(by('name', 'ascending')).toBe('abc')
  expect(names(inOrder(rows, columns, undefined))).toBe('bac')
})

test('a header begins with the largest number or with A, and turns around', () => {
  const first = orderAfter(undefined, amount)
  expect(first).toEqual({ column: 'amount', direction: 'descending' })
  expect(orderAfter(first, amount).direction).toBe('ascending')
  expect(orderAfter(first, name)).toEqual({ column: 'name', direction: 'ascending' })
})

test('every word must be in what a row shows', () => {
  const index = new SearchIndex(columns)
  expect(names(index.matching(rows, 'eur 1'))).toBe('c')
  expect(names(index.matching(rows, 'NONE'))).toBe('a')
  expect(names(index.matching(rows, ' '))).toBe('bac')
})

test('arrows walk through the cells and stop at the edge', () => {
  const size = { rows: 100, columns: 3, page: 10 }
  const from = (key: string, row: number, column: number) => placeAfter(key, { row, column }, size)
  expect(from('ArrowDown', 0, 1)).toEqual({ row: 1, column: 1 })
  expect(from('ArrowUp', 0, 1)).toEqual({ row: 0, column: 1 })
  expect(from('ArrowRight', 0, 2)).toEqual({ row: 0, column: 2 })
  expect(from('PageDown', 95, 0)).toEqual({ row: 99, column: 0 })
  expect(from('End', 0, 2)).toEqual({ row: 99, column: 2 })
  expect(from('Tab', 0, 0)).toBeUndefined()
})

test('what has no room is left out from the right, then all are narrow', () => {
  const of = (id: string, width: string, more: Partial<Column<Row>> = {}): Column<Row> => ({
    ...name,
    id,
    width,
    ...more,
  })
  const wide = [
    of('when', '10rem', { narrow: '9rem' }),
    of('model', 'minmax(8rem, 2fr)', { narrow: 'minmax(5.5rem, 1fr)' }),
    of('session', '8rem', { wideOnly: true }),
    of('amount', '6rem'),
    of('state', '8.5rem', { wideOnly: true }),
    of('words', '0', { isHidden: true }),
  ]
  const seen = (room: number) => {
    const { columns: left, tracks } = fitting(wide, room)
    return [left.map(({ id }) => id).join(' '), tracks]
  }
  expect(seen(40.5)[0]).toBe('when model session amount state')
  expect(seen(40)[0]).toBe('when model session amount')
  expect(seen(31)).toEqual(['when model amount', '10rem minmax(8rem, 2fr) 6rem'])
  expect(seen(21)).toEqual(['when model amount', '9rem minmax(5.5rem, 1fr) 6rem'])
})
