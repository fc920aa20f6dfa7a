import { expect, test } from 'vitest'
import { parseConfig } from './config.ts'
import { countryName, shortPeerId } from './names.ts'
import { age, utcTime } from './time.ts'

test('the addresses of the services are read without a slash at the end', () => {
  expect(
    parseConfig({ gatewayUrl: 'http://127.0.0.1:8787/', settlementUrl: 'https://settle.example' }),
  ).toEqual({ gatewayUrl: 'http://127.0.0.1:8787', settlementUrl: 'https://settle.example' })
})

test('a configuration with an address that is not http is refused', () => {
  for (const gatewayUrl of ['javascript:alert(1)', 'ftp://a.example', '', 'offers', 1, undefined]) {
    expect(parseConfig({ gatewayUrl, settlementUrl: 'http://a.example' })).toBeUndefined()
  }
  expect(parseConfig(null)).toBeUndefined()
})

test('a long PeerId is cut in the middle and a short one is not', () => {
  const short = shortPeerId('12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo')
  expect(short.startsWith('12D3KooW')).toBe(true)
  expect(short.endsWith('Ve2Xo')).toBe(true)
  expect(short.length).toBeLessThan(20)
  expect(shortPeerId('12D3KooW')).toBe('12D3KooW')
})

test('a country that no table knows prints as its code', () => {
  expect(countryName('DE', 'en')).toBe('Germany')
  expect(countryName('DE', 'de')).toBe('Deutschland')
  expect(countryName('QX', 'en')).toBe('QX')
})

test('times print in UTC, and ages in the largest whole unit, never negative', () => {
  expect(utcTime(1_763_697_600_000)).toBe('2025-11-21 04:00:00 UTC')
  expect(age(0, 59_999)).toBe('59 s')
  expect(age(0, 60_000)).toBe('1 min')
  expect(age(0, 7_200_000)).toBe('2 h')
  expect(age(0, 172_800_000)).toBe('2 d')
  expect(age(5_000, 0)).toBe('0 s')
})
