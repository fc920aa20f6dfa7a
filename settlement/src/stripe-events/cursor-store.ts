import { and, eq, inArray, isNull, lte, or, sql } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { stripeCursor, stripeEvent } from '../db/schema.ts'

/** Stripe keeps the events of its two interfaces in two lists. */
export type EventList = 'v1' | 'v2'

export interface CursorRow {
  readonly list: EventList
  /** Everything older was looked through; milliseconds since 1970. */
  readonly seenUntil: number
  /** When it was last looked through to the end. */
  readonly polledAt: number | null
  /** Events that no webhook had brought. */
  readonly taken: bigint
  /** Why the last look failed, a code. */
  readonly failure: string | null
}

type Stored = typeof stripeCursor.$inferSelect

export function cursorStore(db: Database) {
  return {
    eventCursors: async (): Promise<CursorRow[]> =>
      (await db.select().from(stripeCursor).orderBy(stripeCursor.list)).map(toCursor),

    /**
     * Takes a list for one look, unless another process has it; made at `from` when it was never looked through.
     *
     * @returns how far it was looked through
     */
    leaseCursor: async (
      list: EventList,
      given: { from: number; until: number; at: number },
    ): Promise<CursorRow | undefined> => {
      await db
        .insert(stripeCursor)
        .values({ list, seenUntil: new Date(given.from) })
        .onConflictDoNothing()
      const [row] = await db
        .update(stripeCursor)
        .set({ leasedUntil: new Date(given.until) })
        .where(
          and(
            eq(stripeCursor.list, list),
            or(isNull(stripeCursor.leasedUntil), lte(stripeCursor.leasedUntil, new Date(given.at))),
          ),
        )
        .returning()
      return row && toCursor(row)
    },

    /** Ends a look. The cursor only moves on; with a failure it moves as far as the look got. */
    moveCursor: async (
      list: EventList,
      moved: { seenUntil: number; taken: number; failure: string | null; at: number },
    ): Promise<void> => {
      const { taken, failure } = moved
      const seen = new Date(moved.seenUntil).toISOString()
      await db
        .update(stripeCursor)
        .set({
          seenUntil: sql`greatest(${stripeCursor.seenUntil}, ${seen}::timestamptz)`,
          taken: sql`${stripeCursor.taken} + ${taken}`,
          failure,
          leasedUntil: null,
          ...(failure === null && { polledAt: new Date(moved.at) }),
        })
        .where(eq(stripeCursor.list, list))
    },

    /** Of these events, those that are stored. */
    knownEvents: async (ids: readonly string[]): Promise<string[]> =>
      (
        await db
          .select({ id: stripeEvent.id })
          .from(stripeEvent)
          .where(inArray(stripeEvent.id, [...ids]))
      ).map(({ id }) => id),
  }
}

const toCursor = (row: Stored): CursorRow => ({
  list: row.list,
  seenUntil: row.seenUntil.getTime(),
  polledAt: row.polledAt?.getTime() ?? null,
  taken: row.taken,
  failure: row.failure,
})
