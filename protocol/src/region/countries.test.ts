import { describe, expect, test } from 'vitest'
import { isCountryCode, isInRegion, regionsOf } from './countries.ts'

const MEMBERS =
  'AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK'.split(' ')
const INSIDE = 'GF GP MQ RE YT MF AX'.split(' ')
const OUTSIDE = 'GG JE IM FO GL CH GB US RU UA TR AD MC SM VA GI BL PM NC PF AW CW SX BQ SJ'.split(
  ' ',
)

describe('the European Union', () => {
  test('has 27 members', () => expect(new Set(MEMBERS).size).toBe(27))

  test.each([...MEMBERS, ...INSIDE])('%s is in the EU and so in the EEA', (code) => {
    expect(isCountryCode(code)).toBe(true)
    expect(regionsOf(code)).toEqual([code, 'EU', 'EEA', '*'])
  })

  test.each(OUTSIDE)('%s is in neither EU nor EEA', (code) => {
    expect(isCountryCode(code)).toBe(true)
    expect(regionsOf(code)).toEqual([code, '*'])
  })

  test.each(['NO', 'IS', 'LI'])('%s is in the EEA and not in the EU', (code) => {
    expect(isInRegion(code, 'EU')).toBe(false)
    expect(isInRegion(code, 'EEA')).toBe(true)
  })

  test('exactly 34 codes are in the EU and 37 in the EEA', () => {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.split('')
    const codes = letters.flatMap((a) => letters.map((b) => a + b)).filter(isCountryCode)
    expect(codes).toHaveLength(249)
    expect(codes.filter((code) => isInRegion(code, 'EU'))).toHaveLength(34)
    expect(codes.filter((code) => isInRegion(code, 'EEA'))).toHaveLength(37)
  })
})

test.each(['EU', 'EEA', 'UK', 'de', 'D', 'DEU', '', 'XX', '__proto__', 'IC'])(
  '%j is not a country code',
  (code) => expect(isCountryCode(code)).toBe(false),
)

test('a country is in itself and in no other', () => {
  expect(isInRegion('CH', 'CH')).toBe(true)
  expect(isInRegion('CH', 'DE')).toBe(false)
})
