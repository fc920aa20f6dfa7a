import { sql } from 'drizzle-orm'
import { recordset } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'
import type { OutcomeSums } from './returns.ts'

/** A verdict on a session. At least one of `good`, `score` and `value` is given. */
export interface Outcome {
  readonly session: string
  /** What was judged, such as `resolved` or `rating`. */
  readonly name: string
  readonly good: boolean | null
  /** From 0 to 1, at most six decimals. */
  readonly score: number | null
  /** Pico-euro. */
  readonly value: bigint | null
  readonly promptVersion: string
  readonly tags: readonly string[]
  /** Milliseconds since 1970. */
  readonly at: number
}

export const RETURN_GROUPS = ['model', 'promptVersion', 'tag', 'provider'] as const
export type ReturnGroup = (typeof RETURN_GROUPS)[number]

export interface ReturnQuery {
  readonly organization: string
  readonly name: string
  /** When the verdicts were given, milliseconds since 1970; `to` is not included. */
  readonly from: number
  readonly to: number
  readonly group: ReturnGroup
  /** Where only a score is given, it is good from here on. */
  readonly threshold: number
  readonly limit: number
}

export type OutcomeRow = OutcomeSums & { readonly key: string }

/** Sessions that are not settled here have no model and no provider. What a verdict does not say, the session's own tags may. */
const GROUP_KEYS: Record<ReturnGroup, string> = {
  model: `coalesce(s.model, '')`,
  provider: `coalesce(s.provider, '')`,
  promptVersion: `coalesce(nullif(o.prompt_version, ''), (select substr(t, 8) from unnest(n.tags) t where t like 'prompt:%' limit 1), '')`,
  tag: 'tag',
}

export function outcomeStore(db: Database) {
  return {
    /** The last word on a session counts. @returns how many were new or said something else */
    recordOutcomes: async (
      organization: string,
      outcomes: readonly Outcome[],
      at: number,
    ): Promise<number> => {
      // One statement cannot write one row twice; of several in a request the last one counts.
      const last = new Map(outcomes.map((one) => [`${one.name} ${one.session}`, one]))
      const list = [...last.values()]
        .toSorted((a, b) => (`${a.name} ${a.session}` < `${b.name} ${b.session}` ? -1 : 1))
        .map(({ at: when, promptVersion, tags, ...one }) => ({
          ...one,
          prompt: promptVersion,
          tags: JSON.stringify(tags),
          at: new Date(when).toISOString(),
        }))
      const written = await rows(
        db,
        sql`insert into outcome as t (organization, session, name, good, score, value, prompt_version, tags, at, updated_at)
          select ${organization}, x.session, x.name, x.good, x.score, x.value, x.prompt,
            array(select json_array_elements_text(x.tags::json)), x.at, ${new Date(at).toISOString()}::timestamptz
          from ${recordset(list, 'x(session text, name text, good bool, score numeric, value numeric, prompt text, tags text, at timestamptz)')}
          on conflict (organization, name, session) do update set good = excluded.good, score = excluded.score,
            value = excluded.value, prompt_version = excluded.prompt_version, tags = excluded.tags, at = excluded.at,
            updated_at = excluded.updated_at
          where (t.good, t.score, t.value, t.prompt_version, t.tags, t.at) is distinct from
            (excluded.good, excluded.score, excluded.value, excluded.prompt_version, excluded.tags, excluded.at)
          returning 1 as written`,
      )
      return written.length
    },

    /** The dearest groups first. */
    outcomeSums: async (query: ReturnQuery): Promise<OutcomeRow[]> => {
      const { organization, name, from, to, group, threshold, limit } = query
      const tags = sql.raw(
        group === 'tag'
          ? `cross join lateral unnest(case when o.tags = '{}' then coalesce(n.tags, '{}') else o.tags end) as t(tag)`
          : '',
      )
      const good = sql`coalesce(o.good, o.score >= ${threshold}::numeric, o.value > 0)`
      const found = await rows<StoredSums>(
        db,
        sql`select ${sql.raw(GROUP_KEYS[group])} as key, count(*)::int4 as outcomes, count(s.session)::int4 as settled,
            count(*) filter (where ${good})::int4 as good,
            count(s.session) filter (where ${good})::int4 as good_settled,
            coalesce(sum(s.amount), 0)::text as cost, coalesce(sum(o.value), 0)::text as value
          from outcome o
          left join settled_session s on s.session = o.session and s.organization = o.organization
          left join session_note n on n.organization = o.organization and n.session = o.session
          ${tags}
          where o.organization = ${organization} and o.name = ${name}
            and o.at >= ${new Date(from).toISOString()}::timestamptz
            and o.at < ${new Date(to).toISOString()}::timestamptz
          group by 1 order by coalesce(sum(s.amount), 0) desc, 1 limit ${limit}`,
      )
      return found.map(({ good_settled, cost, value, ...row }) => ({
        ...row,
        goodSettled: good_settled,
        cost: BigInt(cost),
        value: BigInt(value),
      }))
    },
  }
}

interface StoredSums {
  readonly key: string
  readonly outcomes: number
  readonly settled: number
  readonly good: number
  readonly good_settled: number
  readonly cost: string
  readonly value: string
}
