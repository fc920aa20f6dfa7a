import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { recordset, textArray } from '../db/column-lists.ts'
import { type Database, rows, transact } from '../db/database.ts'
import type { StoredEvent } from './event.ts'
import { toldWhileRestricted } from './event-kinds.ts'
import { EVENT_COLUMNS, type EventRow, toEvent } from './event-store.ts'
import type { Owner } from './owner.ts'
import { type Subscription, topicOf, wants } from './subscription.ts'
import { SUBSCRIPTION_COLUMNS, type SubscriptionRow, toSubscription } from './subscription-store.ts'
import { whenDue } from './when-due.ts'

export interface Dispatched {
  readonly events: number
  /** Events that were put into a message, each once for a subscription. */
  readonly told: number
  /** Those that were told before, within the subscription's window. */
  readonly repeats: number
}

interface Match {
  readonly event: StoredEvent
  readonly subscription: Subscription
}

export function dispatchStore(db: Database) {
  return {
    /** Turns events into messages to channels, each event once, whoever else does so at the same time. */
    dispatchEvents: (at: number, limit: number): Promise<Dispatched> =>
      transact(db, (tx) => dispatch(tx, at, limit)),
  }
}

async function dispatch(tx: Database, at: number, limit: number): Promise<Dispatched> {
  const found = await rows<EventRow>(
    tx,
    sql`select ${EVENT_COLUMNS} from notification_event e where dispatched_at is null
      order by e.id limit ${limit} for update skip locked`,
  )
  if (found.length === 0) return { events: 0, told: 0, repeats: 0 }
  const events = found.map(toEvent)
  const restricted = await restrictedOf(tx, events)
  const mayTell = ({ organization, kind }: StoredEvent): boolean =>
    !restricted.has(organization) || toldWhileRestricted(kind)
  const listeners = await listenersOf(tx, events)
  const matches = events
    .filter(mayTell)
    .flatMap((event) =>
      (listeners.get(event.organization) ?? [])
        .filter((subscription) => wants(subscription, event))
        .map((subscription) => ({ event, subscription })),
    )
  const fresh = await withoutRepeats(tx, matches, at)
  for (const match of fresh) {
    // What is in a digest waits with it, and what may be told may not wait.
    const due = restricted.has(match.event.organization)
      ? { at, digest: false }
      : whenDue(match.subscription, match.event.severity, at)
    await putIntoMessage(tx, match, due, at)
  }
  await tx.execute(
    sql`update notification_event set dispatched_at = ${timeOf(at)}
      where id in (select id from ${recordset(found, 'x(id int8)')})`,
  )
  return { events: events.length, told: fresh.length, repeats: matches.length - fresh.length }
}

/** Whose processing is restricted: they are told nothing but of claims, and of what protects them. */
async function restrictedOf(tx: Database, events: readonly StoredEvent[]): Promise<Set<Owner>> {
  const organizations = [...new Set(events.flatMap(({ organization }) => organization ?? []))]
  const found = await rows<{ id: string }>(
    tx,
    sql`select id from organization where id = any(${textArray(organizations)}) and restricted_at is not null`,
  )
  return new Set(found.map(({ id }) => id))
}

async function listenersOf(
  tx: Database,
  events: readonly StoredEvent[],
): Promise<Map<Owner, Subscription[]>> {
  const organizations = [...new Set(events.flatMap(({ organization }) => organization ?? []))]
  const found = await rows<SubscriptionRow & { owner: Owner }>(
    tx,
    sql`select ${SUBSCRIPTION_COLUMNS}, c.organization as owner from notification_subscription s
      join notification_channel c on c.id = s.channel
      where c.state = 'active' and (c.organization is null or c.organization = any(${textArray(organizations)}))
      order by s.id`,
  )
  const listeners = new Map<Owner, Subscription[]>()
  for (const { owner, ...row } of found) {
    const subscription = toSubscription(row)
    listeners.set(owner, [...(listeners.get(owner) ?? []), subscription])
  }
  return listeners
}

/** The row of a topic is taken by whoever tells of it: two at once do not both. */
async function withoutRepeats(
  tx: Database,
  matches: readonly Match[],
  at: number,
): Promise<Match[]> {
  const fresh: Match[] = []
  for (const match of matches) {
    const { subscription, event } = match
    if (subscription.repeatMs === 0) {
      fresh.push(match)
      continue
    }
    const told = await rows<{ topic: string }>(
      tx,
      sql`insert into notification_topic as t (subscription, topic, told_at)
        values (${subscription.id}, ${topicOf(event)}, ${timeOf(at)})
        on conflict (subscription, topic) do update set told_at = excluded.told_at
          where t.told_at <= ${timeOf(at - subscription.repeatMs)}
        returning topic`,
    )
    if (told.length > 0) fresh.push(match)
  }
  return fresh
}

async function putIntoMessage(
  tx: Database,
  { event, subscription }: Match,
  due: ReturnType<typeof whenDue>,
  at: number,
): Promise<void> {
  // A digest that is sent, or being sent, takes nothing more: its row is no part of this index.
  const merge = due.digest
    ? sql`on conflict (subscription, due_at) where digest and state = 'waiting' and attempts = 0
        do update set digest = true`
    : sql``
  const [delivery] = await rows<{ id: string }>(
    tx,
    sql`insert into notification_delivery (id, channel, subscription, digest, state, due_at, created_at)
      values (${`msg_${randomUUID()}`}, ${subscription.channel}, ${subscription.id}, ${due.digest}::boolean, 'waiting',
        ${timeOf(due.at)}, ${timeOf(at)}) ${merge} returning id`,
  )
  await tx.execute(
    sql`insert into notification_delivery_event (delivery, event) values (${delivery?.id ?? null},
      ${event.id.toString()}::int8)`,
  )
}

const timeOf = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`
