import type { Figure } from './measure.ts'

export interface Outcome {
  readonly title: string
  readonly measured: number
  readonly limit: number
  readonly bound: 'at least' | 'at most'
  readonly met: boolean
}

/** A million sessions a minute. */
const SESSIONS_PER_SECOND = 16_700
const CHECKS_IN_PAIR = 2
/** What usage is asked for by. */
const DASHBOARDS = ['day', 'hour', 'model', 'provider', 'country', 'key', 'member', 'tag'] as const
/** What spend with imported usage is asked for by. */
const SPEND = ['day', 'hour', 'model', 'provider', 'source', 'tag'] as const

/** What is promised of PostgreSQL on two cores, and what was measured; nothing where a part of it was not. */
export function outcomes(figures: readonly Figure[]): Outcome[] {
  const median = (id: string, store: Figure['store']) =>
    figures.find((figure) => figure.id === id && figure.store === store)?.spread.median
  const sessions = median('sessions', 'postgres')
  const receipts = median('receipts', 'postgres')
  const checks = median('raw-checks-2', 'none')
  const statement = median('statements-loaded-p95', 'postgres')
  const dashboards = DASHBOARDS.map((by) => ({
    by,
    p95: median(`usage-${by}-p95`, 'postgres'),
  }))
  const raw = median('usage-raw-p95', 'postgres')
  const spend = SPEND.map((by) => ({ by, p95: median(`imports-${by}-p95`, 'postgres') }))
  const imported = median('imports-raw-p95', 'postgres')
  return [
    ...atLeast('sessions by Statements, per s', sessions, SESSIONS_PER_SECOND),
    ...shareOf(
      'single receipts, of the raw rate of two checks each',
      receipts,
      checks,
      CHECKS_IN_PAIR,
    ),
    ...atMost('a Statement of a hundred sessions, p95, ms', statement, 50),
    ...dashboards.flatMap(({ by, p95 }) => atMost(`usage of 90 days by ${by}, p95, ms`, p95, 50)),
    ...atMost('sessions of 90 days, p95, ms', raw, 5_000),
    ...spend.flatMap(({ by, p95 }) =>
      atMost(`spend of 90 days with imports by ${by}, p95, ms`, p95, 50),
    ),
    ...atMost('imported rows of 90 days, p95, ms', imported, 5_000),
    ...atMost('200 mixed requests a second, p95, ms', median('api-p95', 'postgres'), 50),
    ...atMost('of them, not answered well', median('api-failures', 'postgres'), 0),
  ]
}

function atLeast(title: string, measured: number | undefined, limit: number): Outcome[] {
  return measured === undefined
    ? []
    : [{ title, measured, limit, bound: 'at least', met: measured >= limit }]
}

function atMost(title: string, measured: number | undefined, limit: number): Outcome[] {
  return measured === undefined
    ? []
    : [{ title, measured, limit, bound: 'at most', met: measured <= limit }]
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
