import { isCountryCode } from '@hanse/protocol'
import { expect, test } from 'vitest'
import { CITIES } from './cities.ts'
import { plot } from './plot.ts'
import { formatTable } from './report.ts'
import { type Outcome, RESIDENCY, runResidency } from './run-residency.ts'

const PLAN = { ...RESIDENCY, providers: 40, landmarkCounts: [1, 8, 32] }
const outcomes = runResidency(PLAN)

test('nobody outside is ever taken for being inside, however many landmarks there are', () => {
  const outside = outcomes.filter(({ cast }) => cast.startsWith('outside'))
  expect(outside.map(({ inEu, inCountry }) => inEu + inCountry)).toEqual(outside.map(() => 0))
})

test('no honest claim is ever excluded', () => {
  const honest = outcomes.filter(({ cast }) => cast === 'honest')
  expect(honest.map(({ excluded }) => excluded)).toEqual(honest.map(() => 0))
})

test('more landmarks prove no less and exclude no less', () => {
  for (const { cast, access } of outcomes) {
    const row = outcomes.filter((one) => one.cast === cast && one.access === access)
    for (const figure of ['inEu', 'excluded'] as const satisfies (keyof Outcome)[])
      expect(row.map((one) => one[figure])).toEqual(
        row.map((one) => one[figure]).sort((a, b) => a - b),
      )
  }
})

test('a proxy in the EU passes as often as a data centre there, which is what latency cannot tell', () => {
  const most = outcomes.find(({ cast, landmarks }) => cast === 'proxy' && landmarks === 32)
  expect(most?.inEu).toBeGreaterThan(0)
  expect(most?.excluded).toBe(0)
})

test('the same seed gives the same table, and another one another', () => {
  const small = { ...PLAN, landmarkCounts: [8], providers: 20 }
  const table = (seed: string) => formatTable(runResidency({ ...small, seed }))
  expect(table('a')).toBe(table('a'))
  expect(table('a')).not.toBe(table('b'))
})

test('the plot has a line for each figure', () => {
  const svg = plot(outcomes)
  expect(svg.match(/<polyline[^>]* points="[-\d., ]+"\/>/gu)).toHaveLength(6)
  expect(svg).not.toContain('NaN')
})

test('the cities are in the world, and in countries', () => {
  expect(CITIES.length).toBeGreaterThan(120)
  for (const { country, latitude, longitude } of CITIES) {
    expect(isCountryCode(country)).toBe(true)
    expect(Math.abs(latitude)).toBeLessThan(90)
    expect(Math.abs(longitude)).toBeLessThan(180)
  }
})
