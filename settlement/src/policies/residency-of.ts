import {
  evaluatePolicy,
  type Residency,
  residencyOfLimits,
  type UsagePolicy,
} from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { spenderOf } from '../budgets/budget.ts'
import { type Database, rows } from '../db/database.ts'
import { SettlementError } from '../errors.ts'

/**
 * Where an organization lets what a hold pays for be processed, by those rules of its policy that are about the hold for
 * sure; rules about keys, tags and models that settlement is not told of are the gateway's. `undefined` when there is none.
 *
 * @throws {SettlementError} HANSE_POLICY_REFUSED when two rules have no place in common
 */
export async function residencyOf(
  db: Database,
  hold: { readonly organization: string; readonly attribution: string | null; readonly at: number },
): Promise<Residency | undefined> {
  const [row] = await rows<{ policy: UsagePolicy; time_zone: string }>(
    db,
    sql`select p.document as policy, r.time_zone from spending_rules r
      join policy_version p on p.organization = r.organization and p.version = r.policy_version
      where r.organization = ${hold.organization}`,
  )
  if (row === undefined) return undefined
  const facts = { ...spenderOf(hold.attribution), at: hold.at }
  const found = residencyOfLimits(evaluatePolicy(row.policy, facts, row.time_zone).limits)
  if (found !== 'nowhere') return found
  const message = 'two rules of the policy allow no region in common'
  throw new SettlementError('HANSE_POLICY_REFUSED', message)
}
