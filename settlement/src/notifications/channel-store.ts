import { sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import {
  CHANNELS_MAX,
  type Channel,
  type ChannelKind,
  FORMER_SECRET_MS,
  hintOf,
  type OpenChannel,
  type Target,
} from './channel.ts'
import { disableChannel, giveUpWaiting, READER_STOPPED } from './disable-channel.ts'
import { type Owner, ownedBy } from './owner.ts'
import { sealTarget, targetOpener } from './sealed-target.ts'

export interface NewChannel {
  readonly id: string
  readonly owner: Owner
  readonly kind: ChannelKind
  readonly name: string
  readonly target: Target
  readonly hourlyMax: number
  readonly by: string
  readonly at: number
}

export interface ChannelChange {
  readonly name?: string
  readonly hourlyMax?: number
  /** Off, or on again. */
  readonly isActive?: boolean
}

/** As `CHANNEL_COLUMNS` selects it. */
export interface ChannelRow extends Omit<Channel, 'createdAt' | 'updatedAt'> {
  readonly owner: Owner
  readonly sealed: string
  readonly createdAt: string
  readonly updatedAt: string
}

export const CHANNEL_COLUMNS = sql`c.id, c.kind, c.name, c.hint, c.state, c.reason, c.failures::int4 as failures,
  c.hourly_max::int4 as "hourlyMax", c.created_by as "createdBy", c.organization as owner,
  encode(c.sealed, 'base64') as sealed, (extract(epoch from c.created_at) * 1000)::int8::text as "createdAt",
  (extract(epoch from c.updated_at) * 1000)::int8::text as "updatedAt"`

const timeOf = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`

export function channelStore(db: Database) {
  return {
    /** Mailboxes wait until somebody there agrees. @throws {SettlementError} HANSE_CHANNEL_LIMIT */
    addChannel: (given: NewChannel): Promise<Channel> => transact(db, (tx) => add(tx, given)),

    /** By name. */
    channels: async (owner: Owner): Promise<Channel[]> =>
      (
        await rows<ChannelRow>(
          db,
          sql`select ${CHANNEL_COLUMNS} from notification_channel c
            where ${ownedBy(owner, sql`c.organization`)} order by c.name, c.id`,
        )
      ).map(toChannel),

    /** With its secrets. */
    openChannel: (id: string, owner?: Owner): Promise<OpenChannel | undefined> =>
      open(db, id, owner),

    /** Changes what is given. @throws {SettlementError} HANSE_NOT_FOUND */
    changeChannel: (id: string, owner: Owner, given: ChannelChange, at: number): Promise<Channel> =>
      transact(db, (tx) => change(tx, id, owner, given, at)),

    /** With its subscriptions and all that waits. @throws {SettlementError} HANSE_NOT_FOUND */
    removeChannel: async (id: string, owner: Owner): Promise<void> => {
      const [row] = await rows<{ id: string }>(
        db,
        sql`delete from notification_channel c where id = ${id} and ${ownedBy(owner, sql`c.organization`)}
          returning c.id`,
      )
      if (row === undefined) throw unknown()
    },

    /** Both secrets sign until the former one has run out. @throws {SettlementError} HANSE_NOT_FOUND */
    rotateSecret: (id: string, owner: Owner, secret: string, at: number): Promise<Channel> =>
      transact(db, async (tx) => {
        await tx.execute(sql`select from notification_channel where id = ${id} for update`)
        const channel = found(await open(tx, id, owner))
        const { address, secret: formerSecret } = channel.target
        const target = { address, secret, formerSecret, formerUntil: at + FORMER_SECRET_MS }
        const sealed = await sealTarget(tx, owner, target, at)
        const [row] = await rows<ChannelRow>(
          tx,
          sql`update notification_channel c set sealed = decode(${sealed}, 'base64'), updated_at = ${timeOf(at)}
            where id = ${id} returning ${CHANNEL_COLUMNS}`,
        )
        return toChannel(found(row))
      }),

    /** Whoever reads the mailbox has agreed. What its owner or its reader has switched off stays so. */
    confirmChannel: async (id: string, at: number): Promise<boolean> => {
      const updated = await rows<{ id: string }>(
        db,
        sql`update notification_channel set state = 'active', updated_at = ${timeOf(at)}
          where id = ${id} and state in ('unconfirmed', 'active') returning id`,
      )
      return updated.length > 0
    },

    /** @returns whether a mail that asks for agreement may be sent now: one in a while */
    mayAsk: async (id: string, at: number, everyMs: number): Promise<boolean> => {
      const updated = await rows<{ id: string }>(
        db,
        sql`update notification_channel set asked_at = ${timeOf(at)} where id = ${id} and state = 'unconfirmed'
          and (asked_at is null or asked_at <= ${timeOf(at - everyMs)}) returning id`,
      )
      return updated.length > 0
    },

    /** See `disableChannel`. */
    disableChannel: (id: string, reason: string, at: number): Promise<void> =>
      transact(db, (tx) => disableChannel(tx, id, reason, at)),
  }
}

async function add(tx: Database, given: NewChannel): Promise<Channel> {
  const { id, owner, kind, name, target, hourlyMax, by, at } = given
  // One at a time of one owner: a count that nobody changes meanwhile.
  await tx.execute(
    sql`select pg_advisory_xact_lock(hashtext(${`notification-channel ${owner ?? ''}`}))`,
  )
  const [count] = await rows<{ n: number }>(
    tx,
    sql`select count(*)::int4 as n from notification_channel where ${ownedBy(owner, sql`organization`)}`,
  )
  if ((count?.n ?? 0) >= CHANNELS_MAX) {
    throw new SettlementError('HANSE_CHANNEL_LIMIT', `there are ${CHANNELS_MAX} channels`)
  }
  const sealed = await sealTarget(tx, owner, target, at)
  const [row] = await rows<ChannelRow>(
    tx,
    sql`insert into notification_channel as c
        (id, organization, kind, name, sealed, hint, state, hourly_max, created_by, created_at, updated_at)
      values (${id}, ${owner}, ${kind}, ${name}, decode(${sealed}, 'base64'), ${hintOf(kind, target.address)},
        ${kind === 'email' ? 'unconfirmed' : 'active'}, ${hourlyMax}::int4, ${by}, ${timeOf(at)}, ${timeOf(at)})
      returning ${CHANNEL_COLUMNS}`,
  )
  return toChannel(found(row))
}

/** What was switched off is tried again as if nothing had failed; a mailbox whose reader has said stop is asked again. */
async function change(
  tx: Database,
  id: string,
  owner: Owner,
  given: ChannelChange,
  at: number,
): Promise<Channel> {
  const isActive = given.isActive ?? null
  const [row] = await rows<ChannelRow>(
    tx,
    sql`update notification_channel c set name = coalesce(${given.name ?? null}::text, name),
        hourly_max = coalesce(${given.hourlyMax ?? null}::int4, hourly_max), updated_at = ${timeOf(at)},
        state = case when state = 'unconfirmed' or ${isActive}::boolean is null then state
          when not ${isActive}::boolean then 'disabled'
          when kind = 'email' and reason = ${READER_STOPPED} then 'unconfirmed' else 'active' end,
        reason = case when state = 'unconfirmed' or ${isActive}::boolean is null then reason
          when ${isActive}::boolean then null when reason = ${READER_STOPPED} then reason else 'by its owner' end,
        failures = case when ${isActive}::boolean then 0 else failures end
      where id = ${id} and ${ownedBy(owner, sql`c.organization`)} returning ${CHANNEL_COLUMNS}`,
  )
  const changed = toChannel(found(row))
  if (changed.state === 'disabled') await giveUpWaiting(tx, id, at)
  return changed
}

async function open(db: Database, id: string, owner?: Owner): Promise<OpenChannel | undefined> {
  const mine = owner === undefined ? sql`true` : ownedBy(owner, sql`c.organization`)
  const [row] = await rows<ChannelRow>(
    db,
    sql`select ${CHANNEL_COLUMNS} from notification_channel c where c.id = ${id} and ${mine}`,
  )
  if (row === undefined) return undefined
  const target = (await targetOpener(db, [row.owner]))(row.owner, row.sealed)
  return target && { ...toChannel(row), owner: row.owner, target }
}

export function toChannel(row: ChannelRow): Channel {
  const { owner: _owner, sealed: _sealed, createdAt, updatedAt, ...channel } = row
  return { ...channel, createdAt: Number(createdAt), updatedAt: Number(updatedAt) }
}

function found<Value>(value: Value | undefined): Value {
  if (value === undefined) throw unknown()
  return value
}

const unknown = () => new SettlementError('HANSE_NOT_FOUND', 'no such channel')
