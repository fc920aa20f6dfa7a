import { type PicoEuro, picoEuro } from '@hanse/protocol'
import { type SQL, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'

/** What a provider waits for, or what is withheld from it. */
export const PROVIDER_CONCERNS = [
  'unattested',
  'unpayable',
  'trader-review',
  'blocked',
  'suspended',
] as const
export type ProviderConcern = (typeof PROVIDER_CONCERNS)[number]

/** A provider in a list of the platform's. */
export interface ListedProvider {
  readonly provider: string
  /** ISO 3166-1 alpha-2, of the payout account. */
  readonly country: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly feeBps: number
  /** Since when Stripe lets transfers reach it; null while it does not. */
  readonly payableSince: number | null
  readonly hasAccount: boolean
  /** Of the attestation that holds now; null when none does. */
  readonly level: number | null
  readonly attestedUntil: number | null
  /** Kinds of evidence that say otherwise than the provider. */
  readonly contradicted: readonly string[]
  readonly concerns: readonly ProviderConcern[]
  readonly payable: PicoEuro
}

export interface ProvidersQuery {
  /** A peer id, or what it begins with. */
  readonly search?: string
  readonly concern?: ProviderConcern
  /** The provider that the page before ended with. */
  readonly after?: string
  readonly limit: number
  /** Milliseconds since 1970: attestations hold at a time. */
  readonly at: number
}

/** Each is one look by a key, so that a page is read until it is full and no further. */
const CONCERNS: Readonly<Record<ProviderConcern, SQL>> = {
  unattested: sql`a.cid is null`,
  unpayable: sql`p.payable_since is null`,
  'trader-review': sql`d.version is not null and d.reviewed is not true`,
  blocked: sql`exists (select from attestation_block b where b.provider = p.peer_id and b.lifted_at is null)`,
  suspended: sql`exists (select from trader_suspension s where s.provider = p.peer_id and s.lifted_at is null)`,
}

export function providerDirectory(db: Database) {
  return {
    /** By peer id. */
    providers: async (query: ProvidersQuery): Promise<ListedProvider[]> => {
      const { search, concern, after, limit, at } = query
      const wanted: SQL[] = [
        sql`true`,
        ...(after === undefined ? [] : [sql`p.peer_id > ${after}`]),
        ...(search === undefined ? [] : [sql`starts_with(p.peer_id, ${search})`]),
        ...(concern === undefined ? [] : [CONCERNS[concern]]),
      ]
      const found = await rows<StoredProvider>(
        db,
        sql`select p.peer_id as provider, p.country, p.fee_bps as "feeBps", p.account is not null as "hasAccount",
            (extract(epoch from p.created_at) * 1000)::int8::text as "createdAt",
            (extract(epoch from p.payable_since) * 1000)::int8::text as "payableSince",
            a.level, (extract(epoch from a.not_after) * 1000)::int8::text as "attestedUntil",
            coalesce((select json_agg(e.kind order by e.kind) from location_evidence e
              where e.provider = p.peer_id and e.outcome = 'contradicts'), '[]') as contradicted,
            json_build_object(${sql.join(
              PROVIDER_CONCERNS.map((one) => sql`${sql.raw(`'${one}'`)}, ${CONCERNS[one]}`),
              sql`, `,
            )}) as concerns,
            coalesce((select credits - debits from ledger_balance where account = 'payable/' || p.peer_id), 0)::text as payable
          from provider p
            left join lateral (select cid, level, not_after from attestation
              where provider = p.peer_id and revoked_at is null and not_before <= ${iso(at)}::timestamptz
                and not_after > ${iso(at)}::timestamptz
              order by not_after desc limit 1) a on true
            left join lateral (select t.version, exists (select from trader_review r
                where r.provider = t.provider and r.version = t.version) as reviewed
              from trader_declaration t where t.provider = p.peer_id order by t.version desc limit 1) d on true
          where ${sql.join(wanted, sql` and `)} order by p.peer_id limit ${limit}`,
      )
      return found.map(toListed)
    },
  }
}

interface StoredProvider {
  readonly provider: string
  readonly country: string
  readonly feeBps: number
  readonly hasAccount: boolean
  readonly createdAt: string
  readonly payableSince: string | null
  readonly level: number | null
  readonly attestedUntil: string | null
  readonly contradicted: readonly string[]
  readonly concerns: Readonly<Record<ProviderConcern, boolean>>
  readonly payable: string
}

const toListed = (row: StoredProvider): ListedProvider => ({
  ...row,
  createdAt: Number(row.createdAt),
  payableSince: timeOf(row.payableSince),
  attestedUntil: timeOf(row.attestedUntil),
  concerns: PROVIDER_CONCERNS.filter((concern) => row.concerns[concern]),
  payable: picoEuro(BigInt(row.payable)),
})

const timeOf = (text: string | null) => (text === null ? null : Number(text))
const iso = (at: number) => new Date(at).toISOString()
