import { sql } from 'drizzle-orm'
import { recordset, textArray } from '../db/column-lists.ts'
import type { Database } from '../db/database.ts'
import { emitEvents } from '../notifications/emit.ts'
import type { BookingPlan } from './booking-plan.ts'

/** Freezes what was signed twice, and tells its parties. The evidence itself is written with the bookings of the batch. */
export async function writeConflicts(tx: Database, plan: BookingPlan, at: number): Promise<void> {
  if (plan.alerts.length === 0) return
  const when = new Date(at).toISOString()
  const sessions = [...plan.frozenSessions]
  await tx.execute(
    sql`update settled_session set frozen_at = ${when}::timestamptz where frozen_at is null
      and session = any(${textArray(sessions)})`,
  )
  const lanes = [...plan.frozenLanes.values()]
  await tx.execute(
    sql`insert into frozen_lane (authorization_serial, lane, at)
      select serial, lane, ${when}::timestamptz
      from ${recordset(lanes, 'x(serial int8, lane int8)')}
      on conflict do nothing`,
  )
  await tx.execute(
    sql`insert into alert (kind, subject, organization, provider, kept, contradicting, at)
      select kind, subject, organization, provider, kept, contradicting, ${when}::timestamptz
      from ${recordset(plan.alerts, 'x(kind text, subject text, organization text, provider text, kept text, contradicting text)')}
      on conflict do nothing`,
  )
  // The operators are told as well: they decide.
  const events = plan.alerts.flatMap(({ organization, subject, provider, contradicting, kind }) =>
    [...new Set([organization, null])].map((owner) => ({
      organization: owner,
      kind: 'receipt.contradiction' as const,
      subject,
      cause: contradicting,
      facts: { provider, what: kind },
    })),
  )
  await emitEvents(tx, events, at)
}
