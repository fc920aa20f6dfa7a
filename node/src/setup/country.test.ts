import { describe, expect, test } from 'vitest'
import { countryCodes, countryName, countryOfTimeZone } from './country.ts'

describe('the country of a machine', () => {
  test.each([
    ['Europe/Berlin', 'DE'],
    ['Europe/Paris', 'FR'],
    ['Europe/Vienna', 'AT'],
    ['America/New_York', 'US'],
  ])('in the time zone %s is likely %s', (zone, code) => {
    expect(countryOfTimeZone(zone)).toBe(code)
  })

  test.each(['UTC', 'Etc/GMT+1', 'Nowhere/Land', ''])('cannot be told from %j', (zone) => {
    expect(countryOfTimeZone(zone)).toBeUndefined()
  })

  test('has a name, and the names are in order', () => {
    const names = countryCodes().map(countryName)
    expect(names).toContain('Germany')
    expect(names).toHaveLength(249)
    expect([...names].sort((a, b) => a.localeCompare(b, 'en'))).toEqual(names)
  })
})
