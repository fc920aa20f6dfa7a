import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'

/** Work that waits in the database, for whichever process comes first. */
export const QUEUES = [
  'log-events',
  'deliveries',
  'payouts',
  'usage-notes',
  'data-exports',
  'deletions',
] as const
export type QueueName = (typeof QUEUES)[number]

export interface QueueDepth {
  readonly queue: QueueName
  /** At most `DEPTH_MAX`. */
  readonly depth: number
}

/** More are not counted: a queue of so many is long, and counting it would not help it. */
export const DEPTH_MAX = 10_000

export function metricsStore(db: Database) {
  return {
    /** @param at milliseconds since 1970; what is due later does not wait yet */
    queueDepths: (at: number): Promise<QueueDepth[]> => {
      const now = sql`${new Date(at).toISOString()}::timestamptz`
      const waiting: readonly (readonly [QueueName, ReturnType<typeof sql>])[] = [
        ['log-events', sql`select from log_event where leaf is null`],
        [
          'deliveries',
          sql`select from notification_delivery where state = 'waiting' and due_at <= ${now}`,
        ],
        ['payouts', sql`select from payout where state in ('pending', 'submitted')`],
        ['usage-notes', sql`select from session_note where taken_at is null`],
        ['data-exports', sql`select from data_export where state = 'waiting'`],
        ['deletions', sql`select from deletion_request where state in ('open', 'partial')`],
      ]
      const counts = waiting.map(
        ([queue, select]) =>
          sql`select ${queue}::text as queue, (select count(*)::int4 from (${select} limit ${DEPTH_MAX}) x) as depth`,
      )
      return rows<QueueDepth>(db, sql.join(counts, sql` union all `))
    },
  }
}
