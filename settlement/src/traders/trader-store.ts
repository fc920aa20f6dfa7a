import { randomBytes } from 'node:crypto'
import { HanseError, openPersonal, SEAL_NONCE_BYTES, sealPersonal } from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import { type Database, databaseFault, rows, transact } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import { ownerOf } from '../log/log-fact.ts'
import { subjectKeys } from '../log/subject-keys.ts'
import { type TraderDeclaration, traderDeclarationSchema } from './declaration.ts'

export interface TraderReview {
  readonly outcome: 'verified' | 'refused'
  readonly reference: string
  readonly by: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** The newest version of what a provider said, and what an operator made of it. */
export interface StoredTrader {
  readonly declaration: TraderDeclaration
  readonly version: number
  readonly at: number
  readonly review: TraderReview | null
}

export interface AskedTrader {
  readonly provider: string
  readonly askedAt: number
}

export function traderStore(db: Database) {
  return {
    /** Keeps one more version, which nobody has looked at yet. */
    setTrader: (provider: string, given: TraderDeclaration, at: number): Promise<number> =>
      transact(db, async (tx) => {
        const owner = ownerOf('provider', provider)
        const key = (await subjectKeys(tx, [owner], at, randomBytes)).get(owner)
        if (key === undefined) throw new Error('a provider without a key')
        const nonce = Uint8Array.from(randomBytes(SEAL_NONCE_BYTES))
        const sealed = sealPersonal(key.key, nonce, Buffer.from(JSON.stringify(given)))
        const [row] = await rows<{ version: number }>(
          tx,
          sql`insert into trader_declaration (provider, version, sealed, certified, at)
            select ${provider}, coalesce(max(version), 0) + 1, ${Buffer.from(sealed)}, ${given.certification}, ${iso(at)}
            from trader_declaration where provider = ${provider} returning version`,
        )
        return row?.version ?? 0
      }),

    /** `undefined` when nothing was said, or the provider was erased. */
    trader: async (provider: string): Promise<StoredTrader | undefined> => {
      const [row] = await rows<TraderRow>(
        db,
        sql`select d.sealed, d.version, ${millis('d.at')} as at, k.key, r.outcome, r.reference, r.by_operator as by,
            ${millis('r.at')} as "reviewedAt"
          from trader_declaration d join subject_key k on k.owner = ${ownerOf('provider', provider)}
            left join lateral (select * from trader_review r where r.provider = d.provider and r.version = d.version
              order by r.at desc limit 1) r on true
          where d.provider = ${provider} order by d.version desc limit 1`,
      )
      return row === undefined ? undefined : opened(row)
    },

    /** @throws {SettlementError} HANSE_NOT_FOUND when there is no such version */
    reviewTrader: async (
      provider: string,
      version: number,
      { outcome, reference, by, at }: TraderReview,
    ): Promise<void> => {
      try {
        await db.execute(sql`insert into trader_review (provider, version, outcome, reference, by_operator, at)
          values (${provider}, ${version}, ${outcome}, ${reference}, ${by}, ${iso(at)})
          on conflict (provider, version, at) do nothing`)
      } catch (error) {
        if (databaseFault(error)?.code !== '23503') throw error
        throw new SettlementError('HANSE_NOT_FOUND', `no version ${version} of ${provider}`, {
          cause: error,
        })
      }
    },

    /** The time of whoever was not asked yet begins. @returns how many those were */
    askTraders: async (at: number): Promise<number> => {
      const asked = await rows(
        db,
        sql`update provider set trader_asked_at = ${iso(at)} where trader_asked_at is null returning 1 as one`,
      )
      return asked.length
    },

    /** By peer id; with `provider`, only that one. */
    askedTraders: async (query: {
      readonly after: string
      readonly limit: number
      readonly provider?: string
    }): Promise<AskedTrader[]> => {
      const { after, limit, provider } = query
      const found = await rows<{ provider: string; askedAt: string }>(
        db,
        sql`select peer_id as provider, ${millis('trader_asked_at')} as "askedAt" from provider
          where trader_asked_at is not null and peer_id > ${after}
            ${provider === undefined ? sql`` : sql`and peer_id = ${provider}`}
          order by peer_id limit ${limit}`,
      )
      return found.map((row) => ({ ...row, askedAt: Number(row.askedAt) }))
    },

    /** Payouts stop; told again, only what is missing is said anew. */
    suspendTrader: async (
      provider: string,
      missing: readonly string[],
      at: number,
    ): Promise<void> => {
      await db.execute(sql`insert into trader_suspension (provider, suspended_at, missing)
        values (${provider}, ${iso(at)}, ${textArray(missing)})
        on conflict (provider) where lifted_at is null do update set missing = excluded.missing`)
    },

    liftTraderSuspension: async (provider: string, at: number): Promise<void> => {
      await db.execute(sql`update trader_suspension set lifted_at = ${iso(at)}
        where provider = ${provider} and lifted_at is null`)
    },

    /** Since when nothing is paid to a provider, milliseconds since 1970; null when payouts go on. */
    traderSuspension: async (provider: string): Promise<number | null> => {
      const [row] = await rows<{ at: string }>(
        db,
        sql`select ${millis('suspended_at')} as at from trader_suspension
          where provider = ${provider} and lifted_at is null`,
      )
      return row === undefined ? null : Number(row.at)
    },
  }
}

interface TraderRow {
  readonly sealed: Uint8Array
  readonly version: number
  readonly at: string
  readonly key: Uint8Array | null
  readonly outcome: TraderReview['outcome'] | null
  readonly reference: string | null
  readonly by: string | null
  readonly reviewedAt: string | null
}

/** After an erasure the provider may have a new key, which opens nothing from before. */
function opened(row: TraderRow): StoredTrader | undefined {
  if (row.key === null) return undefined
  const bytes = open(Uint8Array.from(row.key), Uint8Array.from(row.sealed))
  if (bytes === undefined) return undefined
  const { outcome, reference, by, reviewedAt } = row
  const review =
    outcome === null || reference === null || by === null
      ? null
      : { outcome, reference, by, at: Number(reviewedAt) }
  const declaration = traderDeclarationSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  return { declaration, version: row.version, at: Number(row.at), review }
}

function open(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  try {
    return openPersonal(key, sealed)
  } catch (error) {
    if (error instanceof HanseError && error.code === 'HANSE_LOG_SEALED') return undefined
    throw error
  }
}

const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`
const millis = (expression: string) =>
  sql.raw(`(extract(epoch from ${expression}) * 1000)::int8::text`)
