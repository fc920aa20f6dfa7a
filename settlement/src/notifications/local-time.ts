const MINUTE_MS = 60_000
const DAY_MINUTES = 1_440

const formats = new Map<string, Intl.DateTimeFormat>()

/** Whether this machine knows the time zone. */
export function isTimeZone(zone: string): boolean {
  try {
    formatOf(zone)
    return true
  } catch {
    return false
  }
}

/** What the clock on the wall shows, minutes after midnight. */
export function wallMinute(at: number, zone: string): number {
  const local = at + offsetMs(at, zone)
  return Math.floor((local / MINUTE_MS) % DAY_MINUTES)
}

/**
 * The first instant after `at` when the clock on the wall shows `minute`, or has just been put forward past it: a day has one,
 * also where the clock jumps.
 */
export function nextWallMinute(at: number, minute: number, zone: string): number {
  let from = at
  for (;;) {
    const offset = offsetMs(from, zone)
    const target = onWall(from, offset, minute)
    const change = offsetChange(from, target, zone)
    if (change === undefined) return target
    // The clock was put forward over it, or stands at it after it was put.
    const [before, after] = [change + offset, change + offsetMs(change, zone)]
    if (after > before && target + offset <= after) return change
    if (wallMinute(change, zone) === minute) return change
    from = change
  }
}

/** When the clock would show the minute next, if nobody touched it. */
function onWall(at: number, offset: number, minute: number): number {
  const local = at + offset
  const midnight = Math.floor(local / (DAY_MINUTES * MINUTE_MS)) * DAY_MINUTES * MINUTE_MS
  const today = midnight + minute * MINUTE_MS
  return (today > local ? today : today + DAY_MINUTES * MINUTE_MS) - offset
}

/** The first instant in (from, to] that has another offset than `from`; clocks are changed at whole minutes. */
function offsetChange(from: number, to: number, zone: string): number | undefined {
  const offset = offsetMs(from, zone)
  if (offsetMs(to, zone) === offset) return undefined
  let low = Math.floor(from / MINUTE_MS)
  let high = Math.ceil(to / MINUTE_MS)
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (offsetMs(middle * MINUTE_MS, zone) === offset) low = middle
    else high = middle
  }
  return high * MINUTE_MS
}

/** Local time less UTC. */
function offsetMs(at: number, zone: string): number {
  const part: Record<string, number> = {}
  for (const { type, value } of formatOf(zone).formatToParts(at)) part[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
  const local = Date.UTC(year, month - 1, day, hour, minute, second)
  return local - Math.floor(at / 1000) * 1000
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  // Names of zones come from outside; there are some six hundred, however they are written.
  if (formats.size < FORMATS_MAX) formats.set(zone, made)
  return made
}

const FORMATS_MAX = 1_000
