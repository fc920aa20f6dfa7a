import { sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import type { BookingPlan } from './booking-plan.ts'

/** Freezes what was signed twice, and tells its parties. The evidence itself is written with the bookings of the batch. */
export async function writeConflicts(tx: Database, plan: BookingPlan, at: number): Promise<void> {
  if (plan.alerts.length === 0) return
  const when = new Date(at).toISOString()
  const sessions = JSON.stringify([...plan.frozenSessions])
  await tx.execute(
    sql`update settled_session set frozen_at = ${when}::timestamptz where frozen_at is null
      and session in (select value from json_array_elements_text(${sessions}::text::json))`,
  )
  const lanes = JSON.stringify(
    [...plan.frozenLanes.values()].map(({ serial, lane }) => ({ serial: serial.toString(), lane })),
  )
  await tx.execute(
    sql`insert into frozen_lane (authorization_serial, lane, at)
      select serial, lane, ${when}::timestamptz
      from json_to_recordset(${lanes}::text::json) as x(serial int8, lane int8)
      on conflict do nothing`,
  )
  await tx.execute(
    sql`insert into alert (kind, subject, organization, provider, kept, contradicting, at)
      select kind, subject, organization, provider, kept, contradicting, ${when}::timestamptz
      from json_to_recordset(${JSON.stringify(plan.alerts)}::text::json)
        as x(kind text, subject text, organization text, provider text, kept text, contradicting text)
      on conflict do nothing`,
  )
}
