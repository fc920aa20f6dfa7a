import { sql } from 'drizzle-orm'
import { recordset, textArray } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'
import { standingOf } from '../service-levels/standing.ts'
import { type LatencyMeasure, latencyBound } from './latency.ts'

interface Observed {
  readonly organization: string
  readonly provider: string
  readonly model: string
  readonly hour: string
  readonly final: Parameters<typeof standingOf>[0]
  readonly first: number | null
  readonly total: number | null
}

/** Adds how long the answers of some sessions took, of those that were good. To be called once for each session. */
export async function addLatencies(
  tx: Database,
  noted: readonly { readonly organization: string; readonly session: string }[],
): Promise<void> {
  const found = await rows<Observed>(
    tx,
    sql`select s.organization, s.provider, s.model, s.final,
        to_char(date_trunc('hour', s.accepted_at, 'UTC') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as hour,
        n.first_ms::float8 as first, n.total_ms::float8 as total
      from session_note n join settled_session s on s.session = n.session
      where n.session = any(${textArray(noted.map(({ session }) => session))})`,
  )
  const cells = new Map<string, object & { answers: number }>()
  const add = (row: Observed, measure: LatencyMeasure, ms: number | null): void => {
    if (ms === null || standingOf(row.final) !== 'good') return
    const { organization, provider, model, hour } = row
    const cell = { organization, provider, model, hour, measure, bound: latencyBound(ms) }
    const name = JSON.stringify(cell)
    cells.set(name, { ...cell, answers: (cells.get(name)?.answers ?? 0) + 1 })
  }
  for (const row of found) {
    add(row, 'first', row.first)
    add(row, 'total', row.total)
  }
  if (cells.size === 0) return
  await tx.execute(
    sql`insert into latency_hour (organization, provider, model, hour, measure, bound, answers)
      select * from ${recordset([...cells.values()], CELL)} order by organization, hour, provider, model, measure, bound
      on conflict (organization, hour, provider, model, measure, bound)
        do update set answers = latency_hour.answers + excluded.answers`,
  )
}

const CELL =
  'x(organization text, provider text, model text, hour timestamptz, measure text, bound int4, answers int8)'
