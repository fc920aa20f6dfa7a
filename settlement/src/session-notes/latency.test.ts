import { describe, expect, test } from 'vitest'
import { LATENCY_BOUNDS, latencyBound, latencyQuantile, observedOf, SLOWER } from './latency.ts'

describe('latencies', () => {
  test('are counted under the least bound that they keep', () => {
    expect([0, 50, 51, 300_000, 300_001].map(latencyBound)).toEqual([50, 50, 70, 300_000, SLOWER])
    expect([...LATENCY_BOUNDS].sort((a, b) => a - b)).toEqual([...LATENCY_BOUNDS])
  })

  test('have the quantiles of what was observed, to a bound', () => {
    const seen = [60, 60, 90, 130, 130, 130, 130, 130, 130, 2_000]
    const counts = new Map<number, bigint>()
    for (const ms of seen) counts.set(latencyBound(ms), (counts.get(latencyBound(ms)) ?? 0n) + 1n)
    expect(observedOf(counts)).toBe(10n)
    expect(latencyQuantile(counts, 5_000)).toBe(140)
    expect(latencyQuantile(counts, 9_500)).toBe(2_240)
  })

  test('of nothing, and of what is slower than all bounds, are not told', () => {
    expect(latencyQuantile(new Map(), 5_000)).toBeNull()
    expect(latencyQuantile(new Map([[SLOWER, 1n]]), 5_000)).toBeNull()
  })
})
