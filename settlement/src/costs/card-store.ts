import { type SQL, sql } from 'drizzle-orm'
import { type Database, databaseFault, rows } from '../db/database.ts'

/** Whose card: an organization's, or null for the platform's. */
export type CardOwner = string | null

export interface CardVersion {
  readonly id: bigint
  readonly organization: CardOwner
  readonly card: string
  readonly version: number
  readonly publisher: string
  readonly currency: string
  /** Days, such as `2026-10-01`; the last one is not included. */
  readonly effectiveFrom: string
  readonly effectiveTo: string | null
  readonly retrieved: string
  readonly source: string
  readonly verified: boolean
  /** How many models it has. */
  readonly models: number
  readonly publishedBy: string
  /** Milliseconds since 1970. */
  readonly publishedAt: number
}

export type NewCardVersion = Omit<CardVersion, 'id'> & { readonly content: string }

export interface CardsQuery {
  /** Its own cards and the platform's; null for the platform's alone. */
  readonly organization: CardOwner
  readonly card?: string
  /** Versions with a smaller id. */
  readonly before?: bigint
  readonly limit: number
}

type StoredCard = Omit<CardVersion, 'id' | 'publishedAt'> & { id: string; publishedAt: string }

const COLUMNS = sql.raw(`id::text, organization, card, version, publisher, currency,
  effective_from::text as "effectiveFrom", effective_to::text as "effectiveTo", retrieved::text, source, verified,
  models, published_by as "publishedBy", (extract(epoch from published_at) * 1000)::int8::text as "publishedAt"`)

export function cardStore(db: Database) {
  const find = async (where: SQL, limit: number): Promise<CardVersion[]> =>
    (
      await rows<StoredCard>(
        db,
        sql`select ${COLUMNS} from rate_card_version where ${where} order by id desc limit ${limit}`,
      )
    ).map(toVersion)

  return {
    /** Newest first. */
    rateCards: ({ organization, card, before, limit }: CardsQuery): Promise<CardVersion[]> =>
      find(
        sql`${visibleTo(organization)} and ${card === undefined ? sql`true` : sql`card = ${card}`}
          and ${before === undefined ? sql`true` : sql`id < ${before.toString()}::int8`}`,
        limit,
      ),

    /** All versions of a card that an organization can see, in force on some day of these; newest first. */
    rateCardsInForce: (query: {
      readonly organization: CardOwner
      readonly card: string
      readonly from: string
      /** Included. */
      readonly to: string
    }): Promise<CardVersion[]> =>
      find(
        sql`${visibleTo(query.organization)} and card = ${query.card} and effective_from <= ${query.to}::date
          and (effective_to is null or effective_to > ${query.from}::date)`,
        VERSIONS_MAX,
      ),

    /** Of each of the platform's cards the newest version that is in force on a day, with what is in it; by name. */
    platformCardsOn: async (
      day: string,
      limit: number,
    ): Promise<(CardVersion & { content: string })[]> =>
      (
        await rows<StoredCard & { content: string }>(
          db,
          sql`select distinct on (card) ${COLUMNS}, content from rate_card_version
            where organization is null and effective_from <= ${day}::date
              and (effective_to is null or effective_to > ${day}::date)
            order by card, version desc limit ${limit}`,
        )
      ).map(({ content, ...row }) => ({ ...toVersion(row), content })),

    rateCardVersion: async (
      organization: CardOwner,
      card: string,
      version: number,
    ): Promise<CardVersion[]> =>
      find(sql`${visibleTo(organization)} and card = ${card} and version = ${version}`, 2),

    /** The owner's newest version of a card, whenever it is in force. */
    newestRateCard: async (
      organization: CardOwner,
      card: string,
    ): Promise<(CardVersion & { content: string }) | undefined> => {
      const [row] = await rows<StoredCard & { content: string }>(
        db,
        sql`select ${COLUMNS}, content from rate_card_version
          where ${ownedBy(organization)} and card = ${card} order by version desc limit 1`,
      )
      return row && { ...toVersion(row), content: row.content }
    },

    /** What is in a version that the organization may see. */
    rateCard: async (
      organization: CardOwner,
      id: bigint,
    ): Promise<(CardVersion & { content: string }) | undefined> => {
      const [row] = await rows<StoredCard & { content: string }>(
        db,
        sql`select ${COLUMNS}, content from rate_card_version
          where ${visibleTo(organization)} and id = ${id.toString()}::int8`,
      )
      return row && { ...toVersion(row), content: row.content }
    },

    /** @returns its id; `undefined` when another version came first and has the number */
    publishRateCard: async (card: NewCardVersion): Promise<bigint | undefined> => {
      try {
        const [row] = await rows<{ id: string }>(
          db,
          sql`insert into rate_card_version (organization, card, version, publisher, currency, effective_from,
              effective_to, retrieved, source, verified, models, content, published_by, published_at)
            values (${card.organization}, ${card.card}, ${card.version}, ${card.publisher}, ${card.currency},
              ${card.effectiveFrom}::date, ${card.effectiveTo}::date, ${card.retrieved}::date, ${card.source},
              ${card.verified}, ${card.models}, ${card.content}, ${card.publishedBy},
              ${new Date(card.publishedAt).toISOString()}::timestamptz)
            returning id::text`,
        )
        return row && BigInt(row.id)
      } catch (error) {
        if (databaseFault(error)?.constraint === 'rate_card_version_number') return undefined
        throw error
      }
    },
  }
}

/** A card that changes every day has as many in three years. */
const VERSIONS_MAX = 1_000

const visibleTo = (organization: CardOwner): SQL =>
  organization === null
    ? sql`organization is null`
    : sql`(organization is null or organization = ${organization})`

export const ownedBy = (organization: CardOwner): SQL =>
  sql`coalesce(organization, '') = ${organization ?? ''}`

const toVersion = ({ id, publishedAt, ...row }: StoredCard): CardVersion => ({
  ...row,
  id: BigInt(id),
  publishedAt: Number(publishedAt),
})
