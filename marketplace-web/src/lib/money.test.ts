import { expect, test } from 'vitest'
import { exactPerToken, formatPerMtok, lowest, type PicoEuro, parsePicoEuro } from './money.ts'

const pico = (value: bigint) => value as PicoEuro

test('a price per token prints as euros per million tokens with two decimals', () => {
  expect(formatPerMtok(pico(250_000_000n))).toBe('250.00')
  expect(formatPerMtok(pico(60_000_000n))).toBe('60.00')
  expect(formatPerMtok(pico(200_000n))).toBe('0.20')
  expect(formatPerMtok(pico(0n))).toBe('0.00')
})

test('a price finer than a cent keeps every digit', () => {
  expect(formatPerMtok(pico(1n))).toBe('0.000001')
  expect(formatPerMtok(pico(1_234_500n))).toBe('1.2345')
})

test('the exact value is grouped by thousands', () => {
  expect(exactPerToken(pico(250_000_000n))).toBe('250\u202f000\u202f000 pEUR per token')
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
