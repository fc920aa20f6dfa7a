import { expect, test } from 'vitest'
import { Random } from '../kernel/random.ts'
import { arrivalsOf, dayCurve, flatCurve } from './arrivals.ts'
import { CONVERSATIONS, parseTrace } from './trace.ts'

const HOUR_MS = 3_600_000

test('the trace is what its file says', () => {
  expect(CONVERSATIONS).toHaveLength(9_683)
  expect(CONVERSATIONS[1]).toEqual({ at: 4_542, inputTokens: 879, outputTokens: 55 })
  expect(() => parseTrace('1,2\n')).toThrow('not a line')
})

test('requests come at the rate that is asked for, in order, with prompts and answers of the trace', () => {
  for (const rate of [0.05, 1, 8]) {
    const plan = { from: 0, hours: 3, rate, curve: flatCurve }
    const arrivals = arrivalsOf(plan, new Random(`rate ${rate}`))
    const expected = rate * 3 * 3_600
    expect(arrivals.length).toBeGreaterThan(expected * 0.8)
    expect(arrivals.length).toBeLessThan(expected * 1.2)
    expect(arrivals.every(({ at }) => at >= 0 && at < 3 * HOUR_MS)).toBe(true)
    const pairs = new Set(CONVERSATIONS.map((one) => `${one.inputTokens} ${one.outputTokens}`))
    expect(arrivals.every((one) => pairs.has(`${one.inputTokens} ${one.outputTokens}`))).toBe(true)
  }
})

test('people ask more in the afternoon than at night', () => {
  const count = (from: number) =>
    arrivalsOf({ from, hours: 2, rate: 1, curve: dayCurve }, new Random('day')).length
  expect(count(14)).toBeGreaterThan(3 * count(2))
})
