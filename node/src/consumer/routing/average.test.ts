import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { estimate, HALF_LIFE_MS, NOTHING, observed, weightAt } from './average.ts'
import { countOf, NO_DURATIONS, quantile, withDuration } from './histogram.ts'
import { Ration } from './ration.ts'

const observations = fc.array(
  fc.record({ value: fc.double({ min: 0, max: 1e6, noNaN: true }), after: fc.nat(HALF_LIFE_MS) }),
  { minLength: 1, maxLength: 60 },
)

/** Each at its time, in milliseconds since the start. */
function timed(steps: readonly { value: number; after: number }[]): [value: number, at: number][] {
  let at = 0
  return steps.map(({ value, after }) => {
    at += after
    return [value, at]
  })
}

describe('a decayed mean', () => {
  test('lies among what was observed, whenever that was', () => {
    fc.assert(
      fc.property(observations, fc.nat(1e9), (steps, later) => {
        const all = timed(steps)
        const average = all.reduce((sum, [value, at]) => observed(sum, value, at), NOTHING)
        const values = all.map(([value]) => value)
        const now = (all.at(-1)?.[1] ?? 0) + later
        const mean = estimate(average, now, values[0] ?? 0, 1)
        const slack = 1e-6 * Math.max(...values)
        assert.ok(mean >= Math.min(...values) - slack && mean <= Math.max(...values) + slack)
        assert.ok(weightAt(average, now) <= values.length)
      }),
    )
  })

  test('halves in weight, and gives way to the prior', () => {
    const average = observed(observed(NOTHING, 10, 0), 10, 0)
    assert.equal(weightAt(average, HALF_LIFE_MS), 1)
    assert.equal(estimate(average, HALF_LIFE_MS, 20, 1), 15)
    assert.ok(Math.abs(estimate(average, 40 * HALF_LIFE_MS, 20, 1) - 20) < 1e-6)
    assert.equal(estimate(NOTHING, 0, 20, 1), 20)
  })

  test('a clock that is set back changes nothing', () => {
    const average = observed(NOTHING, 10, 1_000_000)
    assert.equal(weightAt(average, 0), 1)
    assert.equal(observed(average, 20, 0).mean, 15)
  })

  test('follows a change within about ten of many', () => {
    let average = NOTHING
    for (let i = 0; i < 1000; i++) average = observed(average, 10, i)
    for (let i = 0; i < 14; i++) average = observed(average, 100, 1000 + i)
    assert.ok(average.mean > 50)
  })
})

describe('a decayed histogram', () => {
  test('has each quantile to a fifth, from above', () => {
    const durations = fc.array(fc.double({ min: 1, max: 6e5, noNaN: true }), {
      minLength: 1,
      maxLength: 50,
    })
    fc.assert(
      fc.property(durations, fc.double({ min: 0.01, max: 1, noNaN: true }), (all, q) => {
        const histogram = all.reduce((sum, ms) => withDuration(sum, ms, 0), NO_DURATIONS)
        const sorted = all.toSorted((a, b) => a - b)
        const exact = sorted[Math.ceil(sorted.length * q - 1e-9) - 1] ?? 0
        const found = quantile(histogram, q) ?? 0
        assert.ok(found >= exact * 0.999 && found <= exact * 1.2, `${found} for ${exact}`)
      }),
    )
  })

  test('counts an observation for half as much after each half-life, however many come', () => {
    const pauses = fc.array(fc.nat(2 * HALF_LIFE_MS), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(pauses, (all) => {
        let [now, expected, histogram] = [1_000, 0, NO_DURATIONS]
        for (const pause of all) {
          now += pause
          expected = expected * 0.5 ** (pause / HALF_LIFE_MS) + 1
          histogram = withDuration(histogram, pause, now)
          assert.ok(Math.abs(countOf(histogram, now) - expected) < 0.05)
        }
      }),
    )
  })

  test('forgets, and has no quantile of nothing', () => {
    assert.equal(quantile(NO_DURATIONS, 0.5), undefined)
    let histogram = withDuration(NO_DURATIONS, 60_000, 0)
    assert.equal(countOf(histogram, HALF_LIFE_MS), 0.5)
    const later = 20 * HALF_LIFE_MS
    histogram = withDuration(histogram, 100, later)
    assert.ok((quantile(histogram, 0.999) ?? 0) < 130)
    assert.deepEqual(Object.values(histogram.counts), [1])
  })
})

describe('a ration', () => {
  test('is never exceeded, and is used up by whoever wants it all', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(share, fc.array(fc.boolean(), { maxLength: 300 }), (most, wants) => {
        const ration = new Ration(most)
        let taken = 0
        wants.forEach((wanted, i) => {
          ration.earn()
          if (wanted && ration.take()) taken++
          assert.ok(taken <= most * (i + 1) + 1e-6)
        })
        if (wants.every(Boolean)) assert.ok(taken >= Math.floor(most * wants.length - 1e-6))
      }),
    )
  })

  test('saves up no more than its burst', () => {
    const ration = new Ration(0.1, 3)
    for (let i = 0; i < 1000; i++) ration.earn()
    assert.deepEqual(
      [1, 2, 3, 4].map(() => ration.take()),
      [true, true, true, false],
    )
  })
})
