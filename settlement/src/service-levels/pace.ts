/**
 * How fast an answer was: milliseconds from the acceptance to the last receipt, for each output token. So the wait for the
 * first token is in it, and the size of the prompt; but both times are of one clock, the provider's.
 */

/**
 * Upper bounds in milliseconds a token, in steps of √2 where answers are: 200 tokens a second down to one in 2.5 seconds.
 * They never change, so that counts of any hours add up; targets are among them, so that what misses one is counted exactly.
 */
export const PACE_BOUNDS = [
  5, 7, 10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 448, 640, 900, 1280, 2560,
] as const
export type PaceBound = (typeof PACE_BOUNDS)[number]

/** A shorter answer is mostly the wait for its first token, which says little of a pace. */
export const PACE_TOKENS_MIN = 16n

/** How many answers had each pace: one count for each bound, and the last of what was slower than all. */
export type Paces = readonly bigint[]

export const NO_PACES: Paces = Array.from({ length: PACE_BOUNDS.length + 1 }, () => 0n)

/** @returns the place of an answer's pace in `Paces`; nothing where the answer is too short to have one */
export function paceOf(durationMs: number, outputTokens: bigint): number | undefined {
  if (outputTokens < PACE_TOKENS_MIN || durationMs < 0) return undefined
  const place = PACE_BOUNDS.findIndex((bound) => BigInt(durationMs) <= BigInt(bound) * outputTokens)
  return place === -1 ? PACE_BOUNDS.length : place
}

export const timedOf = (paces: Paces): bigint => paces.reduce((sum, count) => sum + count, 0n)

/** How many were slower than a bound. */
export const slowerThan = (paces: Paces, bound: PaceBound): bigint =>
  timedOf(paces.slice(PACE_BOUNDS.indexOf(bound) + 1))

/**
 * The least bound that a share of the answers keeps.
 *
 * @param shareBps of all, in basis points: 9500 is the 95th percentile
 * @returns milliseconds a token; null where nothing was timed, or where the answer is slower than all bounds
 */
export function paceQuantile(paces: Paces, shareBps: number): PaceBound | null {
  const all = timedOf(paces)
  if (all === 0n) return null
  let kept = 0n
  for (const [place, bound] of PACE_BOUNDS.entries()) {
    kept += paces[place] ?? 0n
    if (kept * 10_000n >= all * BigInt(shareBps)) return bound
  }
  return null
}
