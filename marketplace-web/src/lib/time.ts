/** For the visitor: their own clock. The exact time in UTC goes beside it. */
export function localTime(at: number): string {
  return new Date(at).toLocaleTimeString(undefined, { hour12: false })
}

/** "2026-11-21 04:39:17 UTC" */
export function utcTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** How long ago, as short as a table column: "3 s", "12 min", "5 h", "2 d". Never negative. */
export function age(at: number, now: number): string {
  const seconds = Math.max(0, Math.floor((now - at) / 1000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}
