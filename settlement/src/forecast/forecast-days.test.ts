import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dailySeries } from './daily-series.ts'
import { forecastDays, forecastDaysGently } from './forecast-days.ts'
import { readSamples } from './read-samples.ts'
import { replay } from './replay.ts'
import { madeSeries } from './testing/made-series.ts'
import { publicSeries } from './testing/public-series.ts'
import { RECIPES } from './testing/recipes.ts'

describe.each(publicSeries())('$name', ({ csv }) => {
  const { values } = dailySeries(readSamples(csv))
  const { class: kind, backTest } = forecastDays(values)

  test('keeps what its class promises, and is better than a week before', () => {
    expect(backTest?.origins).toBeGreaterThan(30)
    if (kind === 'smooth') expect(backTest?.mape).toBeLessThan(15)
    else expect(backTest?.mase).toBeLessThan(1)
    expect(backTest?.mape).toBeLessThan(backTest?.naive.mape ?? 0)
    expect(backTest?.mase).toBeLessThan(backTest?.naive.mase ?? 0)
  })

  test('about four of five days lie in the interval', () => {
    expect(backTest?.coverage80).toBeGreaterThanOrEqual(70)
    expect(backTest?.coverage80).toBeLessThanOrEqual(90)
  })
})

test.each(Object.entries(RECIPES))(
  '%s: better than a week before, four of five days in the interval',
  (_, recipe) => {
    const { backTest } = forecastDays(madeSeries(recipe, 3))
    expect(backTest?.mase).toBeLessThan(backTest?.naive.mase ?? 0)
    expect(backTest?.coverage80).toBeGreaterThanOrEqual(70)
    expect(backTest?.coverage80).toBeLessThanOrEqual(90)
  },
)

test('what comes later changes nothing that was said before', () => {
  const past = madeSeries(RECIPES['bursts, eight weeks'], 1).slice(0, 40)
  const steps = (future: readonly number[]) =>
    [...replay([...past, ...future])].filter(({ origin }) => origin < past.length)
  const calm = steps(past.slice(0, 12))
  expect(calm).toHaveLength(33)
  expect(steps(past.slice(0, 12).map((value) => value * 50))).toEqual(calm)
  expect(steps(Array.from({ length: 12 }, () => 0))).toEqual(calm)
})

test('what is unknown yet is not looked at even where it lies in the array', () => {
  const values = madeSeries(RECIPES['bursts, eight weeks'], 2)
  const last = [...replay(values.slice(0, 30), { quick: true })].at(-1)
  const same = [...replay(values, { quick: true })].find(({ origin }) => origin === 30)
  expect(same).toEqual(last)
})

test('the same series has the same forecast, in steps as in one go', async () => {
  const values = madeSeries({ days: 45, noise: 0.2 }, 7)
  const once = forecastDays(values)
  expect(forecastDays(values)).toEqual(once)
  expect(await forecastDaysGently(values)).toEqual(once)
})

test('it does not matter whether cents or euros are counted', () => {
  const values = madeSeries({ days: 45, noise: 0.2 }, 8)
  const cents = forecastDays(values.map((value) => value * 100))
  for (const [lead, day] of forecastDays(values).days.entries()) {
    expect(cents.days[lead]?.value).toBeCloseTo(day.value * 100, 3)
    expect(cents.days[lead]?.upper).toBeCloseTo(day.upper * 100, 3)
  }
})

test('any series has finite days within their intervals, and none below nothing', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e15, noNaN: true })), {
        maxLength: 40,
      }),
      fc.integer({ min: 1, max: 31 }),
      (values, horizon) => {
        const { days } = forecastDays(values, { horizon })
        expect(days).toHaveLength(horizon)
        for (const { value, lower, upper } of days) {
          expect(Number.isFinite(upper)).toBe(true)
          expect(lower).toBeGreaterThanOrEqual(0)
          expect(value).toBeGreaterThanOrEqual(lower)
          expect(upper).toBeGreaterThanOrEqual(value)
        }
      },
    ),
    { numRuns: 40 },
  )
})

test('on empty days there is no MAPE, but a WAPE', () => {
  const { backTest } = forecastDays(madeSeries(RECIPES['every second day empty'], 1), {
    quick: true,
  })
  expect(backTest).toMatchObject({ mape: null, wape: expect.any(Number) })
})

test('less than a week is its mean, and nothing is nothing', () => {
  expect(forecastDays([2, 4]).days[6]).toEqual({ value: 3, lower: 0, upper: 8 })
  expect(forecastDays([])).toMatchObject({ model: 'mean', class: 'unknown', backTest: null })
})

test('weeks ahead are less certain than days', () => {
  const { days } = forecastDays(madeSeries({ days: 80, noise: 0.1 }, 4), {
    horizon: 28,
    quick: true,
  })
  const width = (lead: number) => (days[lead]?.upper ?? 0) - (days[lead]?.lower ?? 0)
  expect(width(27)).toBeGreaterThan(1.5 * width(6))
})
