import type { Figure } from './measure.ts'

export interface Outcome {
  readonly title: string
  readonly measured: number
  readonly limit: number
  readonly met: boolean
}

/** A million sessions a minute. */
const SESSIONS_PER_SECOND = 16_700
const CHECKS_IN_PAIR = 2
/** Order, acceptance, and the receipt by both sides. */
const CHECKS_IN_SUBMISSION = 4

/** What is promised of PostgreSQL on two cores, and what was measured; nothing where a part of it was not. */
export function outcomes(figures: readonly Figure[]): Outcome[] {
  const median = (id: string, store: Figure['store']) =>
    figures.find((figure) => figure.id === id && figure.store === store)?.spread.median
  const sessions = median('sessions', 'postgres')
  const receipts = median('receipts', 'postgres')
  const checks = median('raw-checks-2', 'none')
  const statement = median('statements-loaded-p95', 'postgres')
  const day = median('usage-day-p95', 'postgres')
  return [
    ...atLeast('sessions by Statements, per s', sessions, SESSIONS_PER_SECOND),
    ...shareOf(
      'single receipts, of the raw rate of two checks each',
      receipts,
      checks,
      CHECKS_IN_PAIR,
    ),
    ...shareOf(
      'single receipts, of the raw rate of the four checks that each has',
      receipts,
      checks,
      CHECKS_IN_SUBMISSION,
    ),
    ...atMost('a Statement of a hundred sessions, p95, ms', statement, 50),
    ...atMost('usage of 90 days by day, p95, ms', day, 50),
  ]
}

function atLeast(title: string, measured: number | undefined, limit: number): Outcome[] {
  return measured === undefined ? [] : [{ title, measured, limit, met: measured >= limit }]
}

function atMost(title: string, measured: number | undefined, limit: number): Outcome[] {
  return measured === undefined ? [] : [{ title, measured, limit: -limit, met: measured <= limit }]
}

const RAW_SHARE = 0.8

function shareOf(
  title: string,
  receipts: number | undefined,
  checks: number | undefined,
  each: number,
): Outcome[] {
  if (receipts === undefined || checks === undefined) return []
  return atLeast(title, (receipts * each) / checks, RAW_SHARE)
}
