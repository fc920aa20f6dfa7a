import { expect, test } from 'vitest'
import { DAY_MS, dailySeries } from './daily-series.ts'
import { readSamples } from './read-samples.ts'

const hours = (from: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ at: Date.parse(from) + i * 3_600_000, value: 1 }))

test('days that were seen only in part are left out at both ends', () => {
  const { firstDay, values, partialDays } = dailySeries(hours('2026-03-01T15:00:00Z', 9 + 48 + 5))
  expect({ values, partialDays }).toEqual({ values: [24, 24], partialDays: 2 })
  expect(firstDay * DAY_MS).toBe(Date.parse('2026-03-02T00:00:00Z'))
})

test('whole days stay whole, however late in an hour samples are taken', () => {
  expect(dailySeries(hours('2026-03-01T00:47:00Z', 48))).toMatchObject({
    values: [24, 24],
    partialDays: 0,
  })
})

test('a day without a sample is one on which nothing was spent', () => {
  const daily = ['2026-03-01', '2026-03-02', '2026-03-04'].map((day) => ({
    at: Date.parse(day),
    value: 5,
  }))
  expect(dailySeries(daily)).toMatchObject({ values: [5, 5, 0, 5], emptyDays: 1, partialDays: 0 })
})

test('the order of the samples does not matter', () => {
  const samples = hours('2026-03-01T15:00:00Z', 80)
  expect(dailySeries(samples.toReversed())).toEqual(dailySeries(samples))
})

test('nothing is no series', () => {
  expect(dailySeries([]).values).toEqual([])
})

test('files are read with their columns in any order, with quotes, zones and marks', () => {
  expect(
    readSamples(
      '\uFEFFvalue,"timestamp"\r\n1.5,2026-03-01 10:00:00\r\n2,"2026-03-01T12:00+02:00"\r\n',
    ),
  ).toEqual([
    { at: Date.parse('2026-03-01T10:00:00Z'), value: 1.5 },
    { at: Date.parse('2026-03-01T10:00:00Z'), value: 2 },
  ])
})

test.each([
  ['', 'line 1'],
  ['day,amount\n2026-03-01,1', 'line 1'],
  ['timestamp,value\n', 'no line'],
  ['timestamp,value\n2026-13-01,1', 'line 2: "2026-13-01" is no time'],
  ['timestamp,value\n2026-03-01,1\nyesterday,2', 'line 3: "yesterday" is no time'],
  ['timestamp,value\n2026-03-01,much', 'line 2: "much" is no number'],
  ['timestamp,value\n2026-03-01,', 'line 2: "" is no number'],
  ['timestamp,value\n2026-03-01,-1', 'less than nothing'],
  ['timestamp,value\n2026-03-01,1e999', 'is no number'],
])('%j is refused with the line', (text, what) => {
  expect(() => readSamples(text)).toThrow(
    expect.objectContaining({
      code: 'HANSE_SERIES_INVALID',
      message: expect.stringContaining(what),
    }),
  )
})
