import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { emitEvents } from './emit.ts'
import type { Facts, NewEvent, Severity, StoredEvent } from './event.ts'
import type { EventKind } from './event-kinds.ts'
import { type Owner, ownedBy } from './owner.ts'

export interface EventsQuery {
  readonly owner: Owner
  /** Events with a smaller id; without it, the newest. */
  readonly before?: bigint
  readonly kind?: EventKind
  readonly limit: number
}

/** As statements of this folder select it, by `EVENT_COLUMNS`. */
export interface EventRow {
  readonly id: string
  readonly organization: string | null
  readonly kind: EventKind
  readonly severity: Severity
  readonly subject: string
  readonly facts: Facts
  readonly at: string
}

export const EVENT_COLUMNS = sql`e.id::text, e.organization, e.kind, e.severity, e.subject, e.facts,
  (extract(epoch from e.at) * 1000)::int8::text as at`

export function eventStore(db: Database) {
  return {
    /** For what has no transaction of its own; see `emitEvents`. */
    emitEvents: (events: readonly NewEvent[], at: number): Promise<void> =>
      emitEvents(db, events, at),

    /** Newest first. */
    events: async ({ owner, before, kind, limit }: EventsQuery): Promise<StoredEvent[]> => {
      const wanted = [
        ownedBy(owner, sql`e.organization`),
        ...(before === undefined ? [] : [sql`e.id < ${before.toString()}::int8`]),
        ...(kind === undefined ? [] : [sql`e.kind = ${kind}`]),
      ]
      const found = await rows<EventRow>(
        db,
        sql`select ${EVENT_COLUMNS} from notification_event e where ${sql.join(wanted, sql` and `)}
          order by e.id desc limit ${limit}`,
      )
      return found.map(toEvent)
    },
  }
}

export const toEvent = ({ id, at, ...row }: EventRow): StoredEvent => ({
  ...row,
  id: BigInt(id),
  at: Number(at),
})
