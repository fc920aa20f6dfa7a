/** Once a day, in UTC: after midnight's jobs, and before banks open. */
const HOUR = 3
const MINUTE = 30
const DAY_MS = 86_400_000
const OFFSET_MS = (HOUR * 60 + MINUTE) * 60_000

export const PAYOUT_RUN_CRON = `${MINUTE} ${HOUR} * * *`

/** When the first run after `now` begins; milliseconds since 1970. */
export function nextPayoutRun(now: number): number {
  return Math.floor((now - OFFSET_MS) / DAY_MS) * DAY_MS + DAY_MS + OFFSET_MS
}
