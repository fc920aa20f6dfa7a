import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RUNS } from '../testing/fixtures.ts'
import {
  directionOf,
  distanceKm,
  EARTH_RADIUS_KM,
  leastArcKm,
  type Place,
  reachKm,
} from './sphere.ts'

const place = fc.record({
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
})
const at = (latitude: number, longitude: number): Place => ({ latitude, longitude })

describe('distances', () => {
  // Geodesics on WGS 84, by GeographicLib.
  test.each([
    ['Frankfurt to Paris', at(50.11, 8.68), at(48.86, 2.35), 479],
    ['London to New York', at(51.5074, -0.1278), at(40.7128, -74.006), 5585],
    ['over the antimeridian', at(0, 179.5), at(0, -179.5), 111.319],
    ['along a meridian at the equator', at(-0.5, 10), at(0.5, 10), 110.5744],
    ['from pole to pole', at(90, 0), at(-90, 0), 20003.93],
  ])('%s: never above the ellipsoid’s, and near it', (_, a, b, km) => {
    const least = leastArcKm(directionOf(a), directionOf(b))
    expect(least).toBeLessThanOrEqual(km)
    expect(least).toBeGreaterThan(km * 0.985)
  })

  test('a millimetre is told from nothing, and the antipode is half a turn away', () => {
    expect(distanceKm(at(50, 8), at(50, 8 + 1e-8))).toBeCloseTo(7.147e-7, 9)
    expect(distanceKm(at(50, 8), at(-50, -172))).toBeCloseTo(Math.PI * EARTH_RADIUS_KM, 6)
  })

  test('are the same in both directions, and no way around is shorter', () => {
    // Near the antipode a sine has lost half of its digits: a hundred metres.
    fc.assert(
      fc.property(place, place, place, (a, b, c) => {
        expect(distanceKm(a, b)).toBeCloseTo(distanceKm(b, a), 6)
        expect(distanceKm(a, c)).toBeLessThanOrEqual(distanceKm(a, b) + distanceKm(b, c) + 0.2)
      }),
      { numRuns: RUNS.cheap },
    )
  })
})

test('light in vacuum is there and back: 149.9 km for a millisecond', () => {
  expect(reachKm(1_000)).toBeCloseTo(149.896229, 6)
})
