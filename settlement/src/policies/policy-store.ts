import type { UsagePolicy } from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { touchRules } from '../budgets/rules-rows.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import { policyChanged } from '../log/log-fact.ts'
import { writeEvents } from '../log/write-events.ts'

export type PolicyFormat = 'toml' | 'json'

export interface PolicyVersion {
  readonly version: number
  readonly format: PolicyFormat
  readonly createdBy: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly isActive: boolean
}

/** What of a session a policy can be judged by afterwards. */
export interface PastSession {
  readonly session: string
  /** When it was accepted, milliseconds since 1970. */
  readonly at: number
  readonly model: string
  readonly country: string
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  readonly amount: bigint
  /** Of the authorization that it was paid from. */
  readonly attribution: string | null
}

/** Policies of organizations; a version never changes. */
export function policyStore(db: Database) {
  return {
    /** @returns its number */
    addPolicy: (given: {
      organization: string
      source: string
      format: PolicyFormat
      document: UsagePolicy
      actor: string
      at: number
    }): Promise<number> =>
      transact(db, async (tx) => {
        // Also a lock: two that are added at once get two numbers.
        await touchRules(tx, given.organization)
        const [row] = await rows<{ version: number }>(
          tx,
          sql`insert into policy_version (organization, version, source, format, document, created_by, created_at)
            select ${given.organization}, coalesce(max(version), 0) + 1, ${given.source}, ${given.format},
              ${JSON.stringify(given.document)}::jsonb, ${given.actor}, ${new Date(given.at).toISOString()}::timestamptz
            from policy_version where organization = ${given.organization} returning version`,
        )
        return row?.version ?? 0
      }),

    /** Newest first. */
    policies: async (
      organization: string,
      query: { before?: number; limit: number },
    ): Promise<PolicyVersion[]> => {
      const found = await rows<Omit<PolicyVersion, 'createdAt'> & { createdAt: string }>(
        db,
        sql`select p.version, p.format, p.created_by as "createdBy",
            (extract(epoch from p.created_at) * 1000)::text as "createdAt",
            coalesce(r.policy_version = p.version, false) as "isActive"
          from policy_version p left join spending_rules r on r.organization = p.organization
          where p.organization = ${organization} and p.version < ${query.before ?? 2 ** 31 - 1}
          order by p.version desc limit ${query.limit}`,
      )
      return found.map((row) => ({ ...row, createdAt: Number(row.createdAt) }))
    },

    policy: async (
      organization: string,
      version: number,
    ): Promise<{ source: string; format: PolicyFormat; document: UsagePolicy } | undefined> => {
      const [row] = await rows<{ source: string; format: PolicyFormat; document: UsagePolicy }>(
        db,
        sql`select source, format, document from policy_version
          where organization = ${organization} and version = ${version}`,
      )
      return row
    },

    /**
     * @param version none counts any more when null
     * @param told who did it, for the audit trail; in EU mode alone
     * @throws {SettlementError} HANSE_NOT_FOUND
     */
    activatePolicy: (
      organization: string,
      version: number | null,
      told?: { readonly by: string; readonly at: number },
    ): Promise<void> =>
      transact(db, async (tx) => {
        await touchRules(tx, organization)
        const found = await rows(
          tx,
          sql`update spending_rules set policy_version = ${version}::int4 where organization = ${organization}
            and (${version}::int4 is null or exists (select 1 from policy_version p
              where p.organization = spending_rules.organization and p.version = ${version}::int4))
            returning organization`,
        )
        if (found.length === 0) throw new SettlementError('HANSE_NOT_FOUND', 'no such policy')
        if (told === undefined) return
        const fact = policyChanged(organization, version, told.by)
        await writeEvents(tx, [fact], told.at)
      }),

    /** Oldest first, after the one given. */
    pastSessions: async (query: {
      organization: string
      from: number
      to: number
      after?: { at: number; session: string }
      limit: number
    }): Promise<PastSession[]> => {
      const { organization, from, to, after, limit } = query
      const time = (ms: number) => sql`${new Date(ms).toISOString()}::timestamptz`
      const beyond =
        after === undefined
          ? sql`true`
          : sql`(u.at, u.session) > (${time(after.at)}, ${after.session})`
      const found = await rows<Record<keyof PastSession, string>>(
        db,
        sql`select u.session, (extract(epoch from u.at) * 1000)::text as at, u.model, u.country,
            u.input_tokens::text as "inputTokens", u.output_tokens::text as "outputTokens", u.amount::text,
            a.attribution
          from usage u left join settled_session s on s.session = u.session
          left join spend_authorization a on a.serial = s.authorization_serial
          where u.organization = ${organization} and u.at >= ${time(from)} and u.at < ${time(to)} and ${beyond}
          order by u.at, u.session limit ${limit}`,
      )
      return found.map((row) => ({
        session: row.session,
        at: Number(row.at),
        model: row.model,
        country: row.country,
        inputTokens: BigInt(row.inputTokens),
        outputTokens: BigInt(row.outputTokens),
        amount: BigInt(row.amount),
        attribution: row.attribution,
      }))
    },
  }
}
