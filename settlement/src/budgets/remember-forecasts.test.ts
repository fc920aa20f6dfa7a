import { expect, test } from 'vitest'
import { rememberForecasts } from './remember-forecasts.ts'

function counted() {
  const asked: string[] = []
  const forecast = (values: readonly number[], days: number): readonly number[] => {
    asked.push(`${values.join()} ${days}`)
    return Array.from({ length: days }, () => values.at(-1) ?? 0)
  }
  return { asked, forecast }
}

test('the same days are forecast once, other days and another horizon anew', () => {
  const { asked, forecast } = counted()
  const remembered = rememberForecasts(forecast)
  for (const [values, days] of [
    [[1, 2], 2],
    [[1, 2], 2],
    [[1, 3], 2],
    [[1, 2], 3],
    [[12], 2],
  ] as const)
    expect(remembered(values, days)).toEqual(forecast(values, days))
  expect(asked.filter((one) => one === '1,2 2')).toHaveLength(3)
  expect(asked).toHaveLength(5 + 4)
})

test('of more than it may keep, the oldest is forgotten', () => {
  const { asked, forecast } = counted()
  const remembered = rememberForecasts(forecast, 2)
  for (const last of [1, 2, 3, 2, 1]) remembered([last], 1)
  expect(asked).toEqual(['1 1', '2 1', '3 1', '1 1'])
})
