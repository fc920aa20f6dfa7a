import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DEFAULT_HOLD_BACK, holdBack } from './hold-back.ts'

const EURO = 1_000_000_000_000n
const DAY_MS = 86_400_000
const held = (ageDays: number, before: bigint, now: bigint) =>
  holdBack(DEFAULT_HOLD_BACK, { ageMs: ageDays * DAY_MS, before, now })

test('the first five euro are free, and of the rest of a first day half waits for two weeks', () => {
  expect(held(0, 0n, 5n * EURO)).toEqual([])
  expect(held(0, 0n, 9n * EURO)).toEqual([{ amount: 2n * EURO, shareBps: 5000, days: 14 }])
  expect(held(0, 9n * EURO, 10n * EURO)).toEqual([{ amount: 5n * EURO, shareBps: 5000, days: 14 }])
})

test('a stage ends when the provider is old enough and has earned enough', () => {
  expect(held(13, 60n * EURO, 10n * EURO)).toMatchObject([{ shareBps: 5000 }])
  expect(held(20, 40n * EURO, 10n * EURO)).toMatchObject([{ shareBps: 5000 }])
  expect(held(20, 60n * EURO, 10n * EURO)).toEqual([{ amount: 2n * EURO, shareBps: 2000, days: 7 }])
  expect(held(61, 100n * EURO, 10n * EURO)).toMatchObject([{ shareBps: 2000 }])
  expect(held(61, 500n * EURO, 10n * EURO)).toEqual([])
})

test('earnings that cross the end of a stage are split there', () => {
  expect(held(20, 40n * EURO, 20n * EURO)).toEqual([
    { amount: 5n * EURO, shareBps: 5000, days: 14 },
    { amount: 2n * EURO, shareBps: 2000, days: 7 },
  ])
})

test('a schedule without stages holds nothing back', () => {
  expect(holdBack({ freeCents: 0n, stages: [] }, { ageMs: 0, before: 0n, now: EURO })).toEqual([])
})

test('however earnings are cut into portions, the same is held back, and never more than was earned', () => {
  const amount = fc.bigInt(0n, 700n * EURO)
  fc.assert(
    fc.property(fc.nat(80), amount, amount, amount, (age, before, first, second) => {
      const whole = held(age, before, first + second)
      const cut = [...held(age, before, first), ...held(age, before + first, second)]
      const sum = (parts: typeof whole) => parts.reduce((total, part) => total + part.amount, 0n)
      expect(sum(cut)).toBe(sum(whole))
      expect(sum(whole)).toBeLessThanOrEqual(first + second)
    }),
  )
})
