import { expect, test } from 'vitest'
import { type Column, inOrder, orderAfter, placeAfter, SearchIndex } from './table.ts'

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
