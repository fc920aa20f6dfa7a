import { shareBps } from './level.ts'
import type { Measurement } from './measurement-store.ts'
import { type PaceBound, paceQuantile, timedOf } from './pace.ts'

/**
 * Below this nothing is said of a month: of a handful of sessions a share is chance, and whoever had them would know what
 * somebody else's came to.
 */
export const SESSIONS_MIN = 20n

/** What everybody may know of a provider's month. */
export interface PublicLevel {
  /** As `2026-11`, UTC. */
  readonly month: string
  /** Rounded down to 20, 50, 100, 200, 500 and so on; 0 is fewer than twenty. */
  readonly sessionsAtLeast: bigint
  readonly availabilityBps: number | null
  readonly msPerTokenP50: PaceBound | null
  readonly msPerTokenP95: PaceBound | null
}

const P50 = 5_000
const P95 = 9_500

/** @param found of all organizations together, by month */
export function publicLevel({ key, good, failed, paces }: Measurement): PublicLevel {
  const sessions = good + failed
  const isSaid = sessions >= SESSIONS_MIN
  const isTimed = isSaid && timedOf(paces) >= SESSIONS_MIN
  return {
    month: key,
    sessionsAtLeast: roundedDown(sessions),
    availabilityBps: isSaid ? shareBps(good, sessions) : null,
    msPerTokenP50: isTimed ? paceQuantile(paces, P50) : null,
    msPerTokenP95: isTimed ? paceQuantile(paces, P95) : null,
  }
}

/** So coarse that nobody sees from one day to the next how many sessions there were. */
function roundedDown(sessions: bigint): bigint {
  if (sessions < SESSIONS_MIN) return 0n
  let unit = 10n
  while (unit * 10n <= sessions) unit *= 10n
  const factor = [5n, 2n, 1n].find((one) => one * unit <= sessions) ?? 1n
  return factor * unit
}

const DAY_MS = 86_400_000

/** A year of months, this one with it, up to the last midnight (UTC), milliseconds since 1970. */
export function publicPeriod(now: number): { readonly from: number; readonly to: number } {
  const to = Math.floor(now / DAY_MS) * DAY_MS
  const date = new Date(to)
  return { from: Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - MONTHS + 1), to }
}
export const MONTHS = 12
