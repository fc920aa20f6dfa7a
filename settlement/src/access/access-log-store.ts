import { and, desc, eq, gte, isNull, lt, sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { accessLog } from '../db/schema.ts'

export interface AccessEntry {
  /** Null where it is the platform's. */
  readonly organization: string | null
  /** `person:<id>`, `key:<prefix>`, `scim`, `sso` or an operator's id. */
  readonly actor: string
  /** Method and pattern of the route, or the name of an event such as `sign-in`. */
  readonly action: string
  readonly targets: Readonly<Record<string, string>>
  /** The status of the answer, `ok` and `refused` of an event, or `BEGUN`. */
  readonly outcome: string
  readonly address: string | null
  /** Milliseconds since 1970. */
  readonly at: number
  /** Of the two entries of one change; a UUID. */
  readonly request?: string | null
}

/** Of the entry before a change. Where it stays the last word, nobody knows how the change ended. */
export const BEGUN = 'begun'

/** Not of what ended, and has an entry that says how. */
const isLastWord = sql`not (${accessLog.outcome} = ${BEGUN} and exists (
  select from access_log e where e.request = ${accessLog.request} and e.outcome <> ${BEGUN}))`

export interface AccessQuery {
  readonly organization: string | null
  readonly before?: bigint
  readonly limit: number
  readonly actor?: string
  readonly action?: string
  readonly outcome?: string
  readonly from?: number
  readonly to?: number
}

/** Who did what, only ever added to. */
export function accessLogStore(db: Database) {
  return {
    addAccess: async (entry: AccessEntry): Promise<void> => {
      await db.insert(accessLog).values({ ...entry, at: new Date(entry.at) })
    },

    /** Newest first; of a change how it ended, or that it was begun and nothing more is known. */
    accessEntries: async (query: AccessQuery): Promise<(AccessEntry & { id: bigint })[]> => {
      const { organization, before, limit, actor, action, outcome, from, to } = query
      const found = await db
        .select()
        .from(accessLog)
        .where(
          and(
            organization === null
              ? isNull(accessLog.organization)
              : eq(accessLog.organization, organization),
            before === undefined ? undefined : lt(accessLog.id, before),
            actor === undefined ? undefined : eq(accessLog.actor, actor),
            action === undefined ? undefined : eq(accessLog.action, action),
            outcome === undefined ? undefined : eq(accessLog.outcome, outcome),
            from === undefined ? undefined : gte(accessLog.at, new Date(from)),
            to === undefined ? undefined : lt(accessLog.at, new Date(to)),
            isLastWord,
          ),
        )
        .orderBy(desc(accessLog.id))
        .limit(limit)
      return found.map((row) => ({ ...row, at: row.at.getTime() }))
    },
  }
}
