import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { DEFAULT_TIME_ZONE } from '../policies/policy-in-force.ts'

/** On which other processes hear of an organization whose rules have changed; what they hear is its id. */
export const RULES_CHANNEL = 'hanse_rules'

export async function timeZoneOf(db: Database, organization: string): Promise<string> {
  const [row] = await rows<{ time_zone: string }>(
    db,
    sql`select time_zone from spending_rules where organization = ${organization}`,
  )
  return row?.time_zone ?? DEFAULT_TIME_ZONE
}

/** The rules are other ones from the end of this transaction on: gateways that wait for that are woken then. */
export async function touchRules(tx: Database, organization: string): Promise<void> {
  await tx.execute(sql`insert into spending_rules (organization) values (${organization})
    on conflict (organization) do update set revision = spending_rules.revision + 1`)
  await tx.execute(sql`select pg_notify(${RULES_CHANNEL}, ${organization})`)
}
