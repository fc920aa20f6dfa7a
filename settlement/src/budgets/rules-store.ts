import type { GatewayRulesJson, UsagePolicy } from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { budgetsOf } from './budget-rows.ts'
import { bindingCrossings } from './crossings.ts'
import { touchRules } from './rules-rows.ts'

export interface TeamRow {
  readonly name: string
  /** Names or ids of keys of gateways. */
  readonly keys: readonly string[]
}

interface RulesRow {
  readonly revision: string
  readonly time_zone: string
  readonly policy: UsagePolicy | null
}

/** All that an organization rules, as its gateways get it; and whom it calls what. */
export function rulesStore(db: Database) {
  return {
    gatewayRules: (organization: string, at: number): Promise<GatewayRulesJson> =>
      // One snapshot: the revision is that of what goes with it.
      transact(
        db,
        async (tx) => {
          const [row] = await rows<RulesRow>(
            tx,
            sql`select r.revision::text, r.time_zone, p.document as policy from spending_rules r
              left join policy_version p on p.organization = r.organization and p.version = r.policy_version
              where r.organization = ${organization}`,
          )
          const budgets = await budgetsOf(tx, organization)
          return {
            revision: row?.revision ?? '0',
            organization,
            timeZone: row?.time_zone ?? 'UTC',
            teams: (await teamsOf(tx, organization)).map(({ name, keys }) => ({
              name,
              keys: [...keys],
            })),
            budgets: budgets.map(({ id, rule }) => ({
              id,
              ...rule,
              amount: rule.amount.toString(),
            })),
            policy: row?.policy ?? null,
            reached: await bindingCrossings(tx, organization, at),
          }
        },
        { isolationLevel: 'repeatable read', accessMode: 'read only' },
      ),

    /** By organization; those that never had rules are left out. */
    rulesRevisions: async (organizations: readonly string[]): Promise<Record<string, string>> => {
      const found = await rows<{ organization: string; revision: string }>(
        db,
        sql`select organization, revision::text from spending_rules
          where organization = any(${textArray(organizations)})`,
      )
      return Object.fromEntries(found.map((row) => [row.organization, row.revision]))
    },

    setTimeZone: (organization: string, timeZone: string): Promise<void> =>
      transact(db, async (tx) => {
        await touchRules(tx, organization)
        await tx.execute(sql`update spending_rules set time_zone = ${timeZone}
          where organization = ${organization}`)
      }),

    teams: (organization: string): Promise<TeamRow[]> => teamsOf(db, organization),

    putTeam: (organization: string, { name, keys }: TeamRow, at: number): Promise<void> =>
      transact(db, async (tx) => {
        await touchRules(tx, organization)
        await tx.execute(sql`insert into team (organization, name, keys, updated_at)
          values (${organization}, ${name}, ${textArray(keys)}, ${new Date(at).toISOString()}::timestamptz)
          on conflict (organization, name) do update set keys = excluded.keys, updated_at = excluded.updated_at`)
      }),

    /** @returns whether there was one */
    removeTeam: (organization: string, name: string): Promise<boolean> =>
      transact(db, async (tx) => {
        await touchRules(tx, organization)
        const gone = await rows(
          tx,
          sql`delete from team where organization = ${organization} and name = ${name} returning name`,
        )
        return gone.length > 0
      }),
  }
}

async function teamsOf(db: Database, organization: string): Promise<TeamRow[]> {
  return rows<TeamRow>(
    db,
    sql`select name, keys from team where organization = ${organization} order by name`,
  )
}
