import type { Offer } from './offer.ts'

export const columns = [
  'model',
  'provider',
  'country',
  'evidenceLevel',
  'inputPrice',
  'outputPrice',
  'freeSlots',
  'contextLength',
  'tokensPerSecond',
  'seenAt',
] as const
export type Column = (typeof columns)[number]
export type Order = { readonly column: Column; readonly direction: 'ascending' | 'descending' }

/** What a buyer wants to see first in each column: the cheap, the many, the fast, the fresh. */
export const firstDirection: Readonly<Record<Column, Order['direction']>> = {
  model: 'ascending',
  provider: 'ascending',
  country: 'ascending',
  evidenceLevel: 'descending',
  inputPrice: 'ascending',
  outputPrice: 'ascending',
  freeSlots: 'descending',
  contextLength: 'descending',
  tokensPerSecond: 'descending',
  seenAt: 'descending',
}

/** The order after a click on `column`: its first direction, and then the other one. */
export function nextOrder(order: Order, column: Column): Order {
  if (order.column !== column) return { column, direction: firstDirection[column] }
  return { column, direction: order.direction === 'ascending' ? 'descending' : 'ascending' }
}

/** A sorted copy. Unknown values come last either way; ties keep one order, so that rows rest. */
export function sorted<Row extends Offer>(rows: readonly Row[], order: Order): Row[] {
  const sign = order.direction === 'ascending' ? 1 : -1
  return rows.toSorted((left, right) => {
    const a = left[order.column]
    const b = right[order.column]
    if (a === null || b === null) {
      if (a !== b) return a === null ? 1 : -1
    } else if (a !== b) {
      return a < b ? -sign : sign
    }
    return rowKey(left) < rowKey(right) ? -1 : 1
  })
}

/** What makes a row the same row after a refresh. */
export function rowKey(row: Offer): string {
  return `${row.provider} ${row.model}`
}
