import { sql } from 'drizzle-orm'
import { recordset } from '../db/column-lists.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { emitEvents } from '../notifications/emit.ts'
import { type CardOwner, ownedBy } from './card-store.ts'

/** A card that is fetched on a schedule. */
export interface CardFeed {
  readonly organization: CardOwner
  readonly card: string
  readonly url: string
  readonly provider: string | null
  readonly etag: string | null
  /** Milliseconds since 1970. */
  readonly addedAt: number
  readonly triedAt: number | null
  readonly succeededAt: number | null
  readonly fault: string | null
}

/** One of the setting. */
export interface PlatformFeed {
  readonly card: string
  readonly url: string
  readonly provider: string | null
}

export interface FeedOutcome {
  readonly etag: string | null
  /** Code of what went wrong; null for a card that came, or has not changed. */
  readonly fault: string | null
  readonly at: number
}

type StoredFeed = Omit<CardFeed, 'addedAt' | 'triedAt' | 'succeededAt'> & {
  addedAt: string
  triedAt: string | null
  succeededAt: string | null
}

const ms = (column: string, name: string) =>
  sql.raw(`(extract(epoch from ${column}) * 1000)::int8::text as "${name}"`)

export function feedStore(db: Database) {
  return {
    /** Of one owner, or of all. */
    rateCardFeeds: async (organization?: CardOwner): Promise<CardFeed[]> => {
      const whose = organization === undefined ? sql`true` : ownedBy(organization)
      const found = await rows<StoredFeed>(
        db,
        sql`select organization, card, url, provider, etag, fault, ${ms('added_at', 'addedAt')},
          ${ms('tried_at', 'triedAt')}, ${ms('succeeded_at', 'succeededAt')}
          from rate_card_feed where ${whose} order by organization nulls first, card`,
      )
      return found.map(toFeed)
    },

    /** An organization's feed of a card: the only one from now on. */
    putRateCardFeed: (
      organization: string,
      { card, url, provider }: PlatformFeed,
      at: number,
    ): Promise<void> =>
      transact(db, async (tx) => {
        await tx.execute(
          sql`delete from rate_card_feed where organization = ${organization} and card = ${card}`,
        )
        await tx.execute(
          sql`insert into rate_card_feed (organization, card, url, provider, added_at)
            values (${organization}, ${card}, ${url}, ${provider}, ${new Date(at).toISOString()}::timestamptz)`,
        )
      }),

    /** @returns whether there was one */
    dropRateCardFeed: async (organization: string, card: string): Promise<boolean> =>
      (
        await rows<{ card: string }>(
          db,
          sql`delete from rate_card_feed where organization = ${organization} and card = ${card} returning card`,
        )
      ).length > 0,

    /** The platform's feeds are those of its settings: others go, and one whose address changed begins anew. */
    setPlatformFeeds: (feeds: readonly PlatformFeed[], at: number): Promise<void> =>
      transact(db, async (tx) => {
        const wanted = recordset(feeds, 'w(card text, url text, provider text)')
        await tx.execute(
          sql`delete from rate_card_feed f where organization is null and not exists (
            select from ${wanted}
            where w.card = f.card and w.url = f.url and w.provider is not distinct from f.provider)`,
        )
        await tx.execute(
          sql`insert into rate_card_feed (card, url, provider, added_at)
            select card, url, provider, ${new Date(at).toISOString()}::timestamptz from ${wanted}
            on conflict do nothing`,
        )
      }),

    recordFeedTry: async (
      { organization, card, url }: CardFeed,
      { etag, fault, at }: FeedOutcome,
    ): Promise<void> => {
      const when = sql`${new Date(at).toISOString()}::timestamptz`
      await db.execute(
        sql`update rate_card_feed set tried_at = ${when}, fault = ${fault}, etag = ${etag},
            succeeded_at = case when ${fault}::text is null then ${when} else succeeded_at end
          where ${ownedBy(organization)} and card = ${card} and url = ${url}`,
      )
    },

    /** Tells the owners of feeds that nothing has come from since, once for each success that is missing. */
    tellStaleFeeds: (since: number, at: number): Promise<number> =>
      transact(db, async (tx) => {
        const found = await rows<{
          organization: CardOwner
          card: string
          fault: string | null
          last: string
        }>(
          tx,
          sql`select organization, card, fault,
            (extract(epoch from coalesce(succeeded_at, added_at)) * 1000)::int8::text as last
            from rate_card_feed
            where coalesce(succeeded_at, added_at) <= ${new Date(since).toISOString()}::timestamptz`,
        )
        const events = found.map(({ organization, card, fault, last }) => ({
          organization,
          kind: 'rate_card.stale' as const,
          subject: card,
          cause: `${card}@${last}`,
          facts: { card, since: new Date(Number(last)).toISOString(), fault: fault ?? 'not tried' },
        }))
        await emitEvents(tx, events, at)
        return events.length
      }),
  }
}

const toFeed = ({ addedAt, triedAt, succeededAt, ...row }: StoredFeed): CardFeed => ({
  ...row,
  addedAt: Number(addedAt),
  triedAt: triedAt === null ? null : Number(triedAt),
  succeededAt: succeededAt === null ? null : Number(succeededAt),
})
