import { and, desc, eq, lt } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { billingNotice } from '../db/schema.ts'
import { emitEvents } from '../notifications/emit.ts'
import type { EventKind } from '../notifications/event-kinds.ts'

export type NoticeKind =
  | 'automatic-top-up-declined'
  | 'automatic-top-up-stopped'
  | 'automatic-top-up-capped'
  | 'dispute'
  | 'refund-failed'
  | 'plan-past-due'
  | 'plan-ended'
  | 'spend-anomaly'

export interface Notice {
  readonly id: bigint
  readonly kind: NoticeKind
  /** What it is about: an id, or a month. */
  readonly cause: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** What an organization should know of its money. */
export function noticeStore(db: Database) {
  return {
    /** Newest first. */
    notices: async (query: {
      organization: string
      before?: bigint
      limit: number
    }): Promise<Notice[]> =>
      (
        await db
          .select()
          .from(billingNotice)
          .where(
            and(
              eq(billingNotice.organization, query.organization),
              query.before === undefined ? undefined : lt(billingNotice.id, query.before),
            ),
          )
          .orderBy(desc(billingNotice.id))
          .limit(query.limit)
      ).map(({ id, kind, cause, at }) => ({
        id,
        kind: kind as NoticeKind,
        cause,
        at: at.getTime(),
      })),
  }
}

/** Tells an organization once for each cause, inside the transaction of what it tells of. */
export async function tell(
  tx: Database,
  organization: string,
  kind: NoticeKind,
  cause: string,
  at: number,
): Promise<void> {
  await tx
    .insert(billingNotice)
    .values({ organization, kind, cause, at: new Date(at) })
    .onConflictDoNothing()
  await emitEvents(tx, [{ organization, kind: EVENTS[kind], subject: cause, cause }], at)
}

/** What a notice is called where organizations are told outside of this service. */
const EVENTS = {
  'automatic-top-up-declined': 'top_up.declined',
  'automatic-top-up-stopped': 'top_up.stopped',
  'automatic-top-up-capped': 'top_up.capped',
  dispute: 'dispute.opened',
  'refund-failed': 'refund.failed',
  'plan-past-due': 'plan.past_due',
  'plan-ended': 'plan.ended',
  'spend-anomaly': 'spend.anomaly',
} as const satisfies Record<NoticeKind, EventKind>
