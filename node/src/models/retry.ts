import { setTimeout as wait } from 'node:timers/promises'

/** How often and how patiently something is tried again. */
export interface RetryOptions {
  /** Failures in a row without any progress. */
  readonly triesMax?: number
  readonly firstDelayMs?: number
  /** Waits; ends early with the signal's reason when aborted. */
  readonly sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<void>
}

export const TRIES_MAX = 6
const FIRST_DELAY_MS = 500
const DELAY_MAX_MS = 30_000
/** A server that asks for more is better asked again by its user later. */
export const RETRY_AFTER_MAX_MS = 120_000

/** Before the `failures`-th try after the first: doubles, up to half a minute. */
export function delayMs(failures: number, { firstDelayMs = FIRST_DELAY_MS }: RetryOptions): number {
  return Math.min(DELAY_MAX_MS, firstDelayMs * 2 ** (failures - 1))
}

export async function sleepFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await wait(ms, undefined, signal === undefined ? {} : { signal })
}
