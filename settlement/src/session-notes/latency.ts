/**
 * How long answers took by the consumer's own clock, from the order on. It is one side's word: it is shown, and no promise is
 * judged by it.
 */

/** To the first token, and to the end. */
export const LATENCY_MEASURES = ['first', 'total'] as const
export type LatencyMeasure = (typeof LATENCY_MEASURES)[number]

/** Upper bounds in milliseconds, in steps of √2; they never change, so that counts of any hours add up. */
export const LATENCY_BOUNDS = [
  50, 70, 100, 140, 200, 280, 400, 560, 800, 1_120, 1_600, 2_240, 3_200, 4_480, 6_400, 9_000,
  12_800, 18_000, 25_600, 36_000, 51_000, 72_000, 102_000, 144_000, 204_000, 300_000,
] as const
/** Stands for what is slower than all bounds. */
export const SLOWER = -1

export const latencyBound = (ms: number): number =>
  LATENCY_BOUNDS.find((bound) => ms <= bound) ?? SLOWER

/** How many answers there were by bound. */
export type Latencies = ReadonlyMap<number, bigint>

export const observedOf = (latencies: Latencies): bigint =>
  [...latencies.values()].reduce((sum, count) => sum + count, 0n)

/**
 * The least bound that a share of the answers kept.
 *
 * @param shareBps of all, in basis points: 9500 is the 95th percentile
 * @returns milliseconds; null where nothing was observed, or where the answer is slower than all bounds
 */
export function latencyQuantile(latencies: Latencies, shareBps: number): number | null {
  const all = observedOf(latencies)
  if (all === 0n) return null
  let kept = 0n
  for (const bound of LATENCY_BOUNDS) {
    kept += latencies.get(bound) ?? 0n
    if (kept * 10_000n >= all * BigInt(shareBps)) return bound
  }
  return null
}
