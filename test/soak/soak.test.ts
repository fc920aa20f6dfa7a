import assert from 'node:assert/strict'
import { clearlyAbove, slopeOf } from '@hanse/simulations/lab'
import { describe, expect, test } from 'vitest'
import { judge } from './judge.ts'
import { MISBEHAVIOURS } from './misbehaviour.ts'
import { randomFrom } from './random.ts'
import { printSoak } from './report.ts'
import { runSoak } from './run-soak.ts'

describe('a slope', () => {
  const line = (perMinute: number, noise: (i: number) => number) =>
    Array.from({ length: 120 }, (_, i) => ({
      seconds: i * 2,
      value: 100 + (perMinute * i * 2) / 60 + noise(i),
    }))

  test('is found under noise, and told from none', () => {
    const random = randomFrom(7)
    const growing = slopeOf(line(1.5, () => random() - 0.5))
    const flat = slopeOf(line(0, () => random() - 0.5))
    assert.ok(growing !== undefined && flat !== undefined)
    expect(growing.perMinute).toBeCloseTo(1.5, 0)
    assert.ok(clearlyAbove(growing, 1))
    assert.ok(!clearlyAbove(growing, 1.6))
    assert.ok(!clearlyAbove(flat, 0.25))
  })

  test('of the teeth of a heap is less certain than of as many independent samples', () => {
    const random = randomFrom(7)
    const teeth = slopeOf(line(0, (i) => (i % 20) / 2))
    const scattered = slopeOf(line(0, () => random() * 9.5))
    assert.ok(teeth !== undefined && scattered !== undefined)
    assert.ok(teeth.standardError > 1.5 * scattered.standardError)
    assert.ok(!clearlyAbove(teeth, 0.25))
  })

  test('needs samples at different times', () => {
    assert.equal(slopeOf(line(1, () => 0).slice(0, 3)), undefined)
    assert.equal(slopeOf(Array.from({ length: 9 }, () => ({ seconds: 1, value: 2 }))), undefined)
  })
})

test('a short soak leaves nothing open, and no daemon complains', async () => {
  const result = await runSoak({ minutes: 1 / 3, seed: 3, onProgress: () => {} })
  assert.deepEqual(judge(result), [], printSoak(result))
  // What would make the run say nothing: peers that never got as far as to do harm.
  const { strangers } = result
  assert.deepEqual(Object.keys(strangers).toSorted(), Object.keys(MISBEHAVIOURS).toSorted())
  expect(strangers['replays an order']?.HANSE_ORDER_REPLAYED).toBeGreaterThan(0)
  expect(strangers['never countersigns']?.accept).toBeGreaterThan(0)
  expect(strangers['signs wrongly']?.cut).toBeGreaterThan(0)
  expect(result.disturbances['relay restarted']).toBe(1)
  expect(result.counted.provider?.['hanse:request_success_total']).toBeGreaterThan(0)
})
