import { sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import { SUBSCRIPTIONS_MAX } from './channel.ts'
import type { EventKind } from './event-kinds.ts'
import { type Owner, ownedBy } from './owner.ts'
import type { Subscription, SubscriptionTerms } from './subscription.ts'

/** As `SUBSCRIPTION_COLUMNS` selects it. */
export interface SubscriptionRow extends Omit<Subscription, 'kinds' | 'quiet' | 'createdAt'> {
  readonly kinds: string[]
  readonly quietFrom: number | null
  readonly quietUntil: number | null
  readonly createdAt: string
}

export const SUBSCRIPTION_COLUMNS = sql`s.id, s.channel, s.kinds, s.severity, s.pace, s.time_zone as "timeZone",
  s.daily_at::int4 as "dailyAt", s.quiet_from::int4 as "quietFrom", s.quiet_until::int4 as "quietUntil",
  s.urgent_overrides as "urgentOverrides", s.repeat_ms::float8 as "repeatMs",
  (extract(epoch from s.created_at) * 1000)::int8::text as "createdAt"`

export function subscriptionStore(db: Database) {
  return {
    /** @throws {SettlementError} HANSE_NOT_FOUND when there is no such channel, HANSE_CHANNEL_LIMIT */
    addSubscription: (
      given: { id: string; channel: string; owner: Owner; at: number } & SubscriptionTerms,
    ): Promise<Subscription> => transact(db, (tx) => add(tx, given)),

    /** Oldest first. */
    subscriptions: async (owner: Owner): Promise<Subscription[]> =>
      (
        await rows<SubscriptionRow>(
          db,
          sql`select ${SUBSCRIPTION_COLUMNS} from notification_subscription s
            join notification_channel c on c.id = s.channel
            where ${ownedBy(owner, sql`c.organization`)} order by s.created_at, s.id`,
        )
      ).map(toSubscription),

    /** All of its terms at once. @throws {SettlementError} HANSE_NOT_FOUND */
    setSubscription: async (
      id: string,
      owner: Owner,
      terms: SubscriptionTerms,
    ): Promise<Subscription> => {
      const { kinds, severity, pace, timeZone, dailyAt, quiet, urgentOverrides, repeatMs } = terms
      const [row] = await rows<SubscriptionRow>(
        db,
        sql`update notification_subscription s set kinds = ${textArray(kinds)}, severity = ${severity}, pace = ${pace},
            time_zone = ${timeZone}, daily_at = ${dailyAt}::int4, quiet_from = ${quiet?.from ?? null}::int4,
            quiet_until = ${quiet?.until ?? null}::int4, urgent_overrides = ${urgentOverrides}::boolean,
            repeat_ms = ${repeatMs}::int8
          from notification_channel c
          where s.id = ${id} and c.id = s.channel and ${ownedBy(owner, sql`c.organization`)}
          returning ${SUBSCRIPTION_COLUMNS}`,
      )
      if (row === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such subscription')
      return toSubscription(row)
    },

    /** @throws {SettlementError} HANSE_NOT_FOUND */
    removeSubscription: async (id: string, owner: Owner): Promise<void> => {
      const removed = await rows<{ id: string }>(
        db,
        sql`delete from notification_subscription s using notification_channel c
          where s.id = ${id} and c.id = s.channel and ${ownedBy(owner, sql`c.organization`)} returning s.id`,
      )
      if (removed.length === 0) {
        throw new SettlementError('HANSE_NOT_FOUND', 'no such subscription')
      }
    },
  }
}

async function add(
  tx: Database,
  given: { id: string; channel: string; owner: Owner; at: number } & SubscriptionTerms,
): Promise<Subscription> {
  const { id, channel, owner, at, kinds, severity, pace, timeZone, dailyAt, quiet } = given
  const [held] = await rows<{ n: number }>(
    tx,
    sql`select (select count(*) from notification_subscription where channel = c.id)::int4 as n
      from notification_channel c where c.id = ${channel} and ${ownedBy(owner, sql`c.organization`)} for update`,
  )
  if (held === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such channel')
  if (held.n >= SUBSCRIPTIONS_MAX) {
    throw new SettlementError('HANSE_CHANNEL_LIMIT', `${SUBSCRIPTIONS_MAX} subscriptions are there`)
  }
  const [row] = await rows<SubscriptionRow>(
    tx,
    sql`insert into notification_subscription as s (id, channel, kinds, severity, pace, time_zone, daily_at, quiet_from,
        quiet_until, urgent_overrides, repeat_ms, created_at)
      values (${id}, ${channel}, ${textArray(kinds)}, ${severity}, ${pace}, ${timeZone}, ${dailyAt}::int4,
        ${quiet?.from ?? null}::int4, ${quiet?.until ?? null}::int4, ${given.urgentOverrides}::boolean,
        ${given.repeatMs}::int8, ${new Date(at).toISOString()}::timestamptz)
      returning ${SUBSCRIPTION_COLUMNS}`,
  )
  if (row === undefined) throw new SettlementError('HANSE_INTERNAL', 'subscription not stored')
  return toSubscription(row)
}

export function toSubscription(row: SubscriptionRow): Subscription {
  const { quietFrom, quietUntil, kinds, createdAt, ...rest } = row
  return {
    ...rest,
    kinds: kinds as EventKind[],
    quiet:
      quietFrom === null || quietUntil === null ? null : { from: quietFrom, until: quietUntil },
    createdAt: Number(createdAt),
  }
}
