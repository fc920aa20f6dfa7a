import { expect, test } from 'vitest'
import { picoEuro } from '#lib/money.ts'
import { cornersOf, depthOf } from './depth.ts'
import type { Row } from './rows.ts'

const row = (model: string, price: bigint, freeSlots: number, slots: number) =>
  ({ model, outputPrice: picoEuro(price), freeSlots, slots }) as Row

test('depth adds up from the cheapest on, once for each price, of one model alone', () => {
  const steps = depthOf(
    [
      row('m', 300_000n, 1, 4),
      row('m', 200_000n, 2, 2),
      row('n', 100_000n, 9, 9),
      row('m', 300_000n, 3, 3),
    ],
    'm',
  )
  expect(steps.map(({ price, free, all }) => [price, free, all])).toEqual([
    [0.2, 2, 2],
    [0.3, 6, 9],
  ])
  expect(depthOf([], 'm')).toEqual([])
})

test('the line rises at each price and is level in between', () => {
  const steps = depthOf([row('m', 200_000n, 2, 2), row('m', 300_000n, 4, 7)], 'm')
  expect(cornersOf(steps, 0.35).map(({ price, free }) => [price, free])).toEqual([
    [0.2, 0],
    [0.2, 2],
    [0.3, 2],
    [0.3, 6],
    [0.35, 6],
  ])
  expect(cornersOf([], 1)).toEqual([])
})
