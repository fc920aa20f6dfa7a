import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { SettlementError } from '../errors.ts'

/** Whole hours that were announced before, and do not count. */
export interface MaintenanceWindow {
  readonly id: string
  /** Null where it is of all providers. */
  readonly provider: string | null
  /** Milliseconds since 1970. */
  readonly startsAt: number
  readonly endsAt: number
  readonly reason: string
  readonly createdBy: string
  readonly createdAt: number
  readonly cancelledBy: string | null
  readonly cancelledAt: number | null
}

export function maintenanceStore(db: Database) {
  return {
    addMaintenance: async (
      given: Omit<MaintenanceWindow, 'cancelledBy' | 'cancelledAt'>,
    ): Promise<MaintenanceWindow> => {
      await db.execute(
        sql`insert into maintenance_window (id, provider, starts_at, ends_at, reason, created_by, created_at)
          values (${given.id}, ${given.provider}, ${iso(given.startsAt)}::timestamptz, ${iso(given.endsAt)}::timestamptz,
            ${given.reason}, ${given.createdBy}, ${iso(given.createdAt)}::timestamptz)`,
      )
      return { ...given, cancelledBy: null, cancelledAt: null }
    },

    /** Before it begins: what is over has been believed. @throws {SettlementError} HANSE_NOT_FOUND */
    cancelMaintenance: async (id: string, by: string, at: number): Promise<void> => {
      const done = await rows(
        db,
        sql`update maintenance_window set cancelled_by = ${by}, cancelled_at = ${iso(at)}::timestamptz
          where id = ${id} and cancelled_at is null and starts_at > ${iso(at)}::timestamptz returning id`,
      )
      if (done.length > 0) return
      throw new SettlementError('HANSE_NOT_FOUND', `no maintenance ${id} is still to come`)
    },

    /** Those that end after a time, the latest first; cancelled ones too. */
    maintenanceWindows: async (since: number, limit: number): Promise<MaintenanceWindow[]> => {
      const found = await rows<StoredWindow>(
        db,
        sql`select id, provider, reason, created_by, cancelled_by, ${sql.raw(TIMES)} from maintenance_window
          where ends_at > ${iso(since)}::timestamptz order by maintenance_window.starts_at desc, id limit ${limit}`,
      )
      return found.map((row) => ({
        id: row.id,
        provider: row.provider,
        startsAt: row.starts,
        endsAt: row.ends,
        reason: row.reason,
        createdBy: row.created_by,
        createdAt: row.created,
        cancelledBy: row.cancelled_by,
        cancelledAt: row.cancelled,
      }))
    },
  }
}

interface StoredWindow {
  readonly id: string
  readonly provider: string | null
  readonly reason: string
  readonly created_by: string
  readonly cancelled_by: string | null
  readonly starts: number
  readonly ends: number
  readonly created: number
  readonly cancelled: number | null
}

const TIMES = [
  ['starts_at', 'starts'],
  ['ends_at', 'ends'],
  ['created_at', 'created'],
  ['cancelled_at', 'cancelled'],
]
  .map(([column, as]) => `(extract(epoch from ${column}) * 1000)::float8 as ${as}`)
  .join(', ')

const iso = (at: number): string => new Date(at).toISOString()
