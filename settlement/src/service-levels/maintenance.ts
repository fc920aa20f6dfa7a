import { SettlementError } from '../errors.ts'

const HOUR_MS = 3_600_000
/** Who is told a day before can plan around it. */
const AHEAD_MS = 24 * HOUR_MS
/** What takes longer is an outage. */
const LASTS_MS_MAX = 12 * HOUR_MS

/** @throws {SettlementError} HANSE_REQUEST_INVALID where maintenance is announced too late, or is too long */
export function checkMaintenance({ from, to }: { from: number; to: number }, now: number): void {
  if (to <= from || to - from > LASTS_MS_MAX) {
    throw invalid(`between one and ${LASTS_MS_MAX / HOUR_MS} hours`)
  }
  if (from < now + AHEAD_MS) throw invalid('maintenance is announced a day before')
}

const invalid = (message: string) => new SettlementError('HANSE_REQUEST_INVALID', message)
