const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** After each try that failed; a receiver that was away for a day has missed nothing. The schedule of Standard Webhooks. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  10 * HOUR_MS,
]
/** With the first one, which has no delay. */
export const TRIES_MAX = RETRY_DELAYS_MS.length + 1
/** Receivers that failed together do not come back together. */
const JITTER = 0.2
/** A receiver may ask for patience, not for silence. */
const RETRY_AFTER_MAX_MS = 12 * HOUR_MS

/**
 * How long to wait after the try with this number, from 1 on.
 *
 * @param random at least 0, below 1
 * @param retryAfterMs what the receiver asked for
 * @returns milliseconds, or `undefined` when it is given up
 */
export function retryDelayMs(
  attempt: number,
  random: number,
  retryAfterMs = 0,
): number | undefined {
  const delay = RETRY_DELAYS_MS[attempt - 1]
  if (delay === undefined) return undefined
  const jittered = Math.round(delay * (1 + JITTER * (2 * random - 1)))
  return Math.max(jittered, Math.min(retryAfterMs, RETRY_AFTER_MAX_MS))
}
