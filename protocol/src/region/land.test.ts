import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RUNS } from '../testing/fixtures.ts'
import { isCountryCode } from './countries.ts'
import { countriesAt, countriesWithin, NO_COUNTRY } from './land.ts'
import { type Disc, distanceKm } from './sphere.ts'

const place = fc.record({
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
})
const disc = fc.record({
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
  radiusKm: fc.double({ min: 0, max: 20_100, noNaN: true }),
})

describe('land', () => {
  test.each([
    ['Frankfurt', 50.11, 8.68, 'DE'],
    ['Helsinki', 60.17, 24.94, 'FI'],
    ['Basel', 47.56, 7.59, 'CH DE FR'],
    ['Rome, around the Vatican', 41.9, 12.5, 'IT VA'],
    ['Nicosia, divided', 35.17, 33.37, 'CY ZZ'],
    ['Cayenne, of France', 4.93, -52.33, 'GF'],
    ['Bonaire, of the Netherlands, in a coarse square', 12.2, -68.27, 'BQ CW VE'],
    ['Longyearbyen, of Norway', 78.22, 15.65, 'SJ'],
    ['Suva, by the antimeridian', -18.12, 178.42, 'FJ'],
    ['Chukotka, beyond it', 66.3, -173, 'RU'],
    ['the South Pole', -90, 0, 'AQ'],
    ['the Atlantic', 30, -40, ''],
  ])('%s', (_, latitude, longitude, countries) => {
    expect([...countriesAt({ latitude, longitude })].sort().join(' ')).toBe(countries)
  })

  test('without a bound every country is possible, and only countries are', () => {
    const all = countriesWithin([])
    expect(all.size).toBeGreaterThan(240)
    expect([...all].filter((code) => code !== NO_COUNTRY && !isCountryCode(code))).toEqual([])
  })

  test('discs without a common place leave nothing', () => {
    const [frankfurt, sydney] = [
      { latitude: 50.11, longitude: 8.68, radiusKm: 1000 },
      { latitude: -33.87, longitude: 151.2, radiusKm: 1000 },
    ]
    expect(countriesWithin([frankfurt, sydney]).size).toBe(0)
  })

  test('a true place is never excluded by discs that hold it', () => {
    fc.assert(
      fc.property(
        place,
        fc.array(fc.tuple(place, fc.double({ min: 0, max: 500, noNaN: true })), { maxLength: 4 }),
        (truth, landmarks) => {
          const discs = landmarks.map(
            ([landmark, more]): Disc => ({
              ...landmark,
              radiusKm: distanceKm(landmark, truth) * 1.006 + more,
            }),
          )
          const left = countriesWithin(discs)
          for (const country of countriesAt(truth)) expect(left).toContain(country)
        },
      ),
      { numRuns: RUNS.cheap },
    )
  })

  test('another disc never adds a country', () => {
    fc.assert(
      fc.property(fc.array(disc, { maxLength: 3 }), disc, (discs, another) => {
        const before = countriesWithin(discs)
        for (const country of countriesWithin([...discs, another]))
          expect(before).toContain(country)
      }),
      { numRuns: RUNS.cheap },
    )
  })
})
