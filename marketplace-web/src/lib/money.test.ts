import { expect, test } from 'vitest'
import {
  costOf,
  exactEuro,
  exactPerToken,
  formatCents,
  formatEuro,
  formatPerMtok,
  lowest,
  type PicoEuro,
  parsePerMtok,
  parsePicoEuro,
} from './money.ts'

const pico = (value: bigint) => value as PicoEuro

test('a price per token prints as euros per million tokens with two decimals', () => {
  expect(formatPerMtok(pico(250_000_000n), 'en')).toBe('250.00')
  expect(formatPerMtok(pico(60_000_000n), 'en')).toBe('60.00')
  expect(formatPerMtok(pico(200_000n), 'en')).toBe('0.20')
  expect(formatPerMtok(pico(0n), 'en')).toBe('0.00')
})

test('a price finer than a cent keeps every digit', () => {
  expect(formatPerMtok(pico(1n), 'en')).toBe('0.000001')
  expect(formatPerMtok(pico(1_234_500n), 'en')).toBe('1.2345')
})

test('the exact value is grouped by thousands, as the language has it', () => {
  expect(exactPerToken(pico(250_000_000n), 'en')).toBe('250,000,000 pEUR per token')
  expect(exactPerToken(pico(250_000_000n), 'de')).toBe('250.000.000 pEUR je Token')
  expect(formatPerMtok(pico(1_234_500_000n), 'de')).toBe('1.234,50')
})

test('an amount is rounded to what people read, and is exact to its last digit beside it', () => {
  expect(formatEuro(pico(1_234_567_899_999_999n), 'en')).toBe('€1,234.57')
  expect(formatEuro(pico(7_866_990_000n), 'en')).toBe('€0.0079')
  expect(formatEuro(pico(7_866n), 'en')).toBe('<\u00a0€0.000001')
  expect(formatEuro(pico(0n), 'de')).toBe('0,00\u00a0€')
  expect(formatEuro(pico(-2_500_000_000_000n), 'de')).toBe('-2,50\u00a0€')
  expect(exactEuro(pico(7_866_990_000n), 'en')).toBe('€0.00786699')
  expect(exactEuro(pico(123_456_789_012_345_678_901n), 'en')).toBe('€123,456,789.012345678901')
})

test('whole euros of a plan have no cents', () => {
  expect(formatCents(2_900n, 'en')).toBe('€29')
  expect(formatCents(2_950n, 'de')).toBe('29,50\u00a0€')
})

test('a typed price is read with a point or a comma, and nothing else is', () => {
  expect(parsePerMtok('0.25')).toBe(250_000n)
  expect(parsePerMtok(' 12,5 ')).toBe(12_500_000n)
  for (const bad of ['', '-1', '1.2.3', '1e3', '1,0000001', 'free'])
    expect(parsePerMtok(bad)).toBeUndefined()
})

test('tokens times price is exact', () => {
  expect(costOf(3_000_000n, pico(250_000n))).toBe(750_000_000_000n)
})

test('only canonical whole numbers are read as money', () => {
  expect(parsePicoEuro('250000000')).toBe(250_000_000n)
  expect(parsePicoEuro('0')).toBe(0n)
  for (const bad of ['', '-1', '01', '1.5', '1e9', ' 1', '0x10', '9'.repeat(25), 250, 1n, null]) {
    expect(parsePicoEuro(bad)).toBeUndefined()
  }
})

test('the lowest of no prices is nothing, not zero', () => {
  expect(lowest([])).toBeUndefined()
  expect(lowest([pico(3n), pico(1n), pico(2n)])).toBe(1n)
})
