import { type SQL, sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { FAILURES_MAX, type OpenChannel } from './channel.ts'
import { CHANNEL_COLUMNS, type ChannelRow, toChannel } from './channel-store.ts'
import { disableChannel } from './disable-channel.ts'
import type { StoredEvent } from './event.ts'
import { TOLD_WHILE_RESTRICTED } from './event-kinds.ts'
import { EVENT_COLUMNS, type EventRow, toEvent } from './event-store.ts'
import { type Owner, ownedBy } from './owner.ts'
import { targetOpener } from './sealed-target.ts'

/** A message to be sent now, by whoever claimed it. */
export interface ClaimedDelivery {
  readonly id: string
  /** Which try this is, from 1 on. */
  readonly attempt: number
  readonly createdAt: number
  readonly channel: OpenChannel
  /** Oldest first. */
  readonly events: readonly StoredEvent[]
}

/** What became of a try. */
export type Outcome =
  | { readonly state: 'delivered'; readonly status: number | null }
  | {
      readonly state: 'waiting'
      readonly dueAt: number
      readonly failure: string
      readonly status: number | null
    }
  | {
      readonly state: 'dead'
      readonly failure: string
      readonly status: number | null
      /** The receiver wants no more, ever. */
      readonly isGone?: boolean
    }

export const DELIVERY_STATES = ['waiting', 'delivered', 'dead'] as const

export interface Delivery {
  readonly id: string
  readonly channel: string
  readonly state: (typeof DELIVERY_STATES)[number]
  readonly digest: boolean
  readonly attempts: number
  /** Milliseconds since 1970; of what ended, when that was. */
  readonly dueAt: number
  readonly createdAt: number
  readonly endedAt: number | null
  readonly failure: string | null
  /** What the receiver answered last, where it speaks HTTP. */
  readonly status: number | null
  readonly events: readonly bigint[]
}

export interface DeliveriesQuery {
  readonly owner: Owner
  readonly state?: Delivery['state']
  readonly channel?: string
  /** Those that were made before this one. */
  readonly after?: string
  readonly limit: number
}

const timeOf = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`
const HOUR_MS = 3_600_000
/** Of one owner: whose receivers never answer holds up nobody else. */
const OWNER_AT_ONCE = 8

export function deliveryStore(db: Database) {
  return {
    /**
     * Takes messages that are due for a while. Who does not say in time what became of them has died: then somebody else
     * takes them, under the same id. No channel gets more in an hour than it should.
     */
    claimDeliveries: (given: {
      at: number
      leaseMs: number
      limit: number
    }): Promise<ClaimedDelivery[]> => transact(db, (tx) => claim(tx, given)),

    /** Unless somebody else has taken it since. @returns whether it was still this try's to say */
    endAttempt: (id: string, attempt: number, outcome: Outcome, at: number): Promise<boolean> =>
      transact(db, (tx) => end(tx, id, attempt, outcome, at)),

    /** Newest first. */
    deliveries: (query: DeliveriesQuery): Promise<Delivery[]> => list(db, query),

    /** Sends what was given up once more, under its old id. @returns how many */
    replayDeliveries: (
      owner: Owner,
      which: { id?: string; channel?: string },
      at: number,
    ): Promise<number> =>
      count(
        db,
        sql`update notification_delivery d set state = 'waiting', attempts = 0, due_at = ${timeOf(at)}, ended_at = null,
            digest = false, leased_until = null
          where state = 'dead' and ${chosen(owner, which)} and exists
            (select from notification_channel c where c.id = d.channel and c.state = 'active') returning id`,
      ),

    /** Forgets what was given up. @returns how many */
    purgeDeliveries: (owner: Owner, which: { id?: string; channel?: string }): Promise<number> =>
      count(
        db,
        sql`delete from notification_delivery d where state = 'dead' and ${chosen(owner, which)} returning id`,
      ),

    /** Forgets what ended before, and what nobody repeats any more. */
    forgetNotifications: (before: {
      delivered: number
      dead: number
      events: number
    }): Promise<{ deliveries: number; events: number }> =>
      transact(db, async (tx) => {
        const deliveries = await count(
          tx,
          sql`delete from notification_delivery where (state = 'delivered' and ended_at < ${timeOf(before.delivered)})
            or (state = 'dead' and ended_at < ${timeOf(before.dead)}) returning id`,
        )
        await tx.execute(
          sql`delete from notification_topic where told_at < ${timeOf(before.delivered)}`,
        )
        // An event without its row would be told again, should its cause come again: only what is long past goes.
        const events = await count(
          tx,
          sql`delete from notification_event e where at < ${timeOf(before.events)} and dispatched_at is not null
            and not exists (select from notification_delivery_event d where d.event = e.id) returning id`,
        )
        return { deliveries, events }
      }),
  }
}

/** What waits for an organization that was restricted since stays, unless all of it is told even then. */
const mayLeave = sql`(c.organization is null
  or c.organization not in (select id from organization where restricted_at is not null)
  or not exists (select from notification_delivery_event x join notification_event e on e.id = x.event
    where x.delivery = d.id and e.kind <> all(${textArray(TOLD_WHILE_RESTRICTED)})))`

async function claim(
  tx: Database,
  { at, leaseMs, limit }: { at: number; leaseMs: number; limit: number },
): Promise<ClaimedDelivery[]> {
  const taken = await rows<{ id: string; channel: string }>(
    tx,
    sql`with due as (
        select d.id, d.channel, c.hourly_max, coalesce(c.organization, '') as owner,
          row_number() over (partition by d.channel order by d.due_at, d.id) as place,
          row_number() over (partition by c.organization order by d.due_at, d.id) as turn
        from notification_delivery d join notification_channel c on c.id = d.channel and c.state = 'active'
        where d.state = 'waiting' and ${mayLeave} and d.due_at <= ${timeOf(at)}
          and (d.leased_until is null or d.leased_until <= ${timeOf(at)})),
      sent as (
        select channel, count(*) as n from notification_delivery where attempted_at > ${timeOf(at - HOUR_MS)}
          and channel in (select channel from due) group by channel),
      busy as (
        select coalesce(c.organization, '') as owner, count(*) as n from notification_delivery d
        join notification_channel c on c.id = d.channel
        where d.state = 'waiting' and d.leased_until > ${timeOf(at)} group by 1),
      picked as (
        select d.id from notification_delivery d join due on due.id = d.id
        left join sent on sent.channel = due.channel left join busy on busy.owner = due.owner
        where due.place <= due.hourly_max - coalesce(sent.n, 0) and due.turn <= ${OWNER_AT_ONCE} - coalesce(busy.n, 0)
          and d.state = 'waiting' and (d.leased_until is null or d.leased_until <= ${timeOf(at)})
        order by d.due_at, d.id limit ${limit} for update of d skip locked)
      update notification_delivery d set attempts = attempts + 1, attempted_at = ${timeOf(at)},
        leased_until = ${timeOf(at + leaseMs)}
      from picked where d.id = picked.id returning d.id, d.channel`,
  )
  if (taken.length === 0) return []
  const ids = taken.map(({ id }) => id)
  const opened = await open(tx, ids)
  // Where to has been erased, with the key of whose it was.
  const erased = ids.filter((id) => !opened.some((one) => one.id === id))
  await tx.execute(
    sql`update notification_delivery set state = 'dead', failure = 'the address was erased', ended_at = ${timeOf(at)},
      leased_until = null where id = any(${textArray(erased)})`,
  )
  return opened
}

type DeliveryRow = ChannelRow & {
  readonly delivery: string
  readonly attempts: number
  readonly made: string
}

async function open(tx: Database, ids: readonly string[]): Promise<ClaimedDelivery[]> {
  const found = await rows<DeliveryRow>(
    tx,
    sql`select ${CHANNEL_COLUMNS}, d.id as delivery, d.attempts::int4 as attempts,
        (extract(epoch from d.created_at) * 1000)::int8::text as made
      from notification_delivery d join notification_channel c on c.id = d.channel
      where d.id = any(${textArray(ids)}) order by d.due_at, d.id`,
  )
  const events = await rows<EventRow & { delivery: string }>(
    tx,
    sql`select ${EVENT_COLUMNS}, x.delivery from notification_delivery_event x
      join notification_event e on e.id = x.event where x.delivery = any(${textArray(ids)}) order by e.id`,
  )
  const byDelivery = Map.groupBy(events, ({ delivery }) => delivery)
  const opener = await targetOpener(
    tx,
    found.map(({ owner }) => owner),
  )
  return found.flatMap(({ delivery, attempts, made, ...row }) => {
    const target = opener(row.owner, row.sealed)
    if (target === undefined) return []
    return {
      id: delivery,
      attempt: attempts,
      createdAt: Number(made),
      channel: { ...toChannel(row), owner: row.owner, target },
      events: (byDelivery.get(delivery) ?? []).map(({ delivery: _delivery, ...event }) =>
        toEvent(event),
      ),
    }
  })
}

async function end(
  tx: Database,
  id: string,
  attempt: number,
  outcome: Outcome,
  at: number,
): Promise<boolean> {
  const { state, status } = outcome
  const failure = outcome.state === 'delivered' ? null : outcome.failure
  const dueAt = outcome.state === 'waiting' ? timeOf(outcome.dueAt) : sql`due_at`
  const [row] = await rows<{ channel: string }>(
    tx,
    sql`update notification_delivery set state = ${state}, failure = ${failure}, status = ${status}::int4,
        due_at = ${dueAt}, leased_until = null,
        ended_at = ${outcome.state === 'waiting' ? sql`null` : timeOf(at)}
      where id = ${id} and attempts = ${attempt}::int4 and state = 'waiting' returning channel`,
  )
  if (row === undefined) return false
  if (outcome.state === 'waiting') return true
  const [channel] = await rows<{ failures: number }>(
    tx,
    sql`update notification_channel set failures = case when ${state === 'dead'}::boolean then failures + 1 else 0 end
      where id = ${row.channel} returning failures::int4 as failures`,
  )
  if (outcome.state === 'delivered') return true
  const failures = channel?.failures ?? 0
  if (outcome.isGone === true || failures >= FAILURES_MAX) {
    const reason =
      outcome.isGone === true ? outcome.failure : `${failures} messages in a row failed`
    await disableChannel(tx, row.channel, reason, at)
  }
  return true
}

async function list(db: Database, query: DeliveriesQuery): Promise<Delivery[]> {
  const { owner, state, channel, after, limit } = query
  const wanted = [
    ownedBy(owner, sql`c.organization`),
    ...(state === undefined ? [] : [sql`d.state = ${state}`]),
    ...(channel === undefined ? [] : [sql`d.channel = ${channel}`]),
    ...(after === undefined
      ? []
      : [
          sql`(d.created_at, d.id) < (select created_at, id from notification_delivery where id = ${after})`,
        ]),
  ]
  const found = await rows<Omit<Delivery, 'events'> & { events: string[] }>(
    db,
    sql`select d.id, d.channel, d.state, d.digest, d.attempts::int4 as attempts,
        (extract(epoch from d.due_at) * 1000)::float8 as "dueAt",
        (extract(epoch from d.created_at) * 1000)::float8 as "createdAt",
        (extract(epoch from d.ended_at) * 1000)::float8 as "endedAt", d.failure, d.status::int4 as status,
        array(select x.event::text from notification_delivery_event x where x.delivery = d.id order by x.event) as events
      from notification_delivery d join notification_channel c on c.id = d.channel
      where ${sql.join(wanted, sql` and `)} order by d.created_at desc, d.id desc limit ${limit}`,
  )
  return found.map((row) => ({ ...row, events: row.events.map(BigInt) }))
}

const chosen = (owner: Owner, { id, channel }: { id?: string; channel?: string }): SQL => sql`
  ${id === undefined ? sql`true` : sql`d.id = ${id}`}
  and ${channel === undefined ? sql`true` : sql`d.channel = ${channel}`}
  and d.channel in (select o.id from notification_channel o where ${ownedBy(owner, sql`o.organization`)})`

const count = async (db: Database, statement: SQL): Promise<number> =>
  (await rows(db, statement)).length
