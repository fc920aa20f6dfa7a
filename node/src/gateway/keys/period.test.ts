import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { PERIODS, spanOf } from './period.ts'

const at = (text: string) => Date.parse(text)

describe('a period', () => {
  test.each([
    ['day', '2026-11-21T23:59:59.999Z', '2026-11-21T00:00:00Z', '2026-11-22T00:00:00Z'],
    ['week', '2026-11-21T12:00:00Z', '2026-11-16T00:00:00Z', '2026-11-23T00:00:00Z'],
    ['week', '2026-11-23T00:00:00Z', '2026-11-23T00:00:00Z', '2026-11-30T00:00:00Z'],
    ['month', '2024-02-29T01:00:00Z', '2024-02-01T00:00:00Z', '2024-03-01T00:00:00Z'],
    ['month', '2026-12-31T23:00:00Z', '2026-12-01T00:00:00Z', '2027-01-01T00:00:00Z'],
  ] as const)('%s of %s', (period, now, from, to) => {
    assert.deepEqual(spanOf(period, at(now)), { from: at(from), to: at(to) })
  })

  test('holds the time that it is of, and the next begins where it ends', () => {
    const times = fc.integer({ min: 0, max: at('2200-01-01T00:00:00Z') })
    fc.assert(
      fc.property(fc.constantFrom(...PERIODS), times, (period, now) => {
        const { from, to } = spanOf(period, now)
        assert.ok(from <= now && now < to)
        assert.deepEqual(spanOf(period, from), { from, to })
        if (period !== 'none') assert.equal(spanOf(period, to).from, to)
      }),
    )
  })
})
