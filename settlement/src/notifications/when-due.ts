import type { Severity } from './event.ts'
import { nextWallMinute, wallMinute } from './local-time.ts'
import type { SubscriptionTerms } from './subscription.ts'

export interface Due {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Together with what else is due then. */
  readonly digest: boolean
}

const HOUR_MS = 3_600_000

type Hours = Pick<SubscriptionTerms, 'pace' | 'timeZone' | 'dailyAt' | 'quiet' | 'urgentOverrides'>

/** When an event is told that is known now. What the night held back comes as one message in the morning. */
export function whenDue(hours: Hours, severity: Severity, now: number): Due {
  if (severity === 'urgent' && hours.urgentOverrides) return { at: now, digest: false }
  const at = byPace(hours, now)
  const awake = isQuiet(hours, at)
    ? nextWallMinute(at, hours.quiet?.until ?? 0, hours.timeZone)
    : at
  return { at: awake, digest: awake > now }
}

function byPace({ pace, timeZone, dailyAt }: Hours, now: number): number {
  switch (pace) {
    case 'immediately':
      return now
    case 'hourly':
      return (Math.floor(now / HOUR_MS) + 1) * HOUR_MS
    case 'daily':
      return nextWallMinute(now, dailyAt, timeZone)
  }
}

export function isQuiet({ quiet, timeZone }: Pick<Hours, 'quiet' | 'timeZone'>, at: number) {
  if (quiet === null) return false
  const { from, until } = quiet
  const minute = wallMinute(at, timeZone)
  return from <= until ? minute >= from && minute < until : minute >= from || minute < until
}
