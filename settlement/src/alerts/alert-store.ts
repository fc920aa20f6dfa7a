import { type SQL, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { conflictEvidence } from './conflict-evidence.ts'
import { type Resolution, resolveSession } from './resolve-session.ts'

/** What the parties of a session, or of a lane of Statements, are told. */
export interface Alert {
  readonly id: bigint
  readonly kind: 'receipt-equivocation' | 'statement-equivocation'
  /** The session's key, or the CID of the authorization and the lane. */
  readonly subject: string
  readonly organization: string | null
  readonly provider: string
  /** CID of what is booked. */
  readonly kept: string
  /** CID of what both sides signed under the same number. */
  readonly contradicting: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly resolvedAt: number | null
}

export interface AlertsQuery {
  readonly organization?: string
  readonly provider?: string
  /** Only those that nobody has decided on. */
  readonly open?: boolean
  /** Alerts with a smaller id; without it, the newest. */
  readonly before?: bigint
  readonly limit: number
}

interface StoredAlert extends Omit<Alert, 'id' | 'at' | 'resolvedAt'> {
  readonly id: string
  readonly at: string
  readonly resolved_at: string | null
}

export function alertStore(db: Database) {
  return {
    /** Newest first. */
    alerts: async ({
      organization,
      provider,
      open,
      before,
      limit,
    }: AlertsQuery): Promise<Alert[]> => {
      const wanted: SQL[] = [
        ...(organization === undefined ? [] : [sql`organization = ${organization}`]),
        ...(provider === undefined ? [] : [sql`provider = ${provider}`]),
        ...(open === true ? [sql`resolved_at is null`] : []),
        ...(before === undefined ? [] : [sql`id < ${before.toString()}::int8`]),
      ]
      const found = await rows<StoredAlert>(
        db,
        sql`select id::text, kind, subject, organization, provider, kept, contradicting,
          (extract(epoch from at) * 1000)::int8::text as at,
          (extract(epoch from resolved_at) * 1000)::int8::text as resolved_at
          from alert where ${sql.join([sql`true`, ...wanted], sql` and `)} order by id desc limit ${limit}`,
      )
      return found.map(({ id, at, resolved_at, ...row }) => ({
        ...row,
        id: BigInt(id),
        at: Number(at),
        resolvedAt: resolved_at === null ? null : Number(resolved_at),
      }))
    },

    /** See `conflictEvidence`. */
    conflictEvidence: (cid: string): Promise<Uint8Array | undefined> => conflictEvidence(db, cid),

    /** See `resolveSession`. */
    resolveSession: (session: string, keep: string, at: number): Promise<Resolution> =>
      resolveSession(db, session, keep, at),
  }
}
