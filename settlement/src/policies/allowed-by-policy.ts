import { evaluatePolicy, type UsagePolicy } from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { spenderOf } from '../budgets/budget.ts'
import { type Database, rows } from '../db/database.ts'
import { SettlementError } from '../errors.ts'

export interface AskedHold {
  readonly organization: string
  readonly provider: string
  readonly attribution: string | null
  /** Milliseconds since 1970. */
  readonly issuedAt: number
}

/**
 * Judges a hold by as much of the organization's policy as can be judged of it: where the provider is, the hours, and whom
 * the authorization is for. Models, prices and tokens are for the gateway, which knows the request.
 *
 * @throws {SettlementError} HANSE_POLICY_REFUSED
 */
export async function allowedByPolicy(tx: Database, hold: AskedHold): Promise<void> {
  const [row] = await rows<{ policy: UsagePolicy; time_zone: string; country: string | null }>(
    tx,
    sql`select p.document as policy, r.time_zone, v.country from spending_rules r
      join policy_version p on p.organization = r.organization and p.version = r.policy_version
      left join provider v on v.peer_id = ${hold.provider}
      where r.organization = ${hold.organization}`,
  )
  if (row === undefined) return
  const { refusals } = evaluatePolicy(
    row.policy,
    {
      ...spenderOf(hold.attribution),
      ...(row.country !== null && { country: row.country }),
      at: hold.issuedAt,
    },
    row.time_zone,
  )
  const [first] = refusals
  if (first !== undefined) throw new SettlementError('HANSE_POLICY_REFUSED', first.message)
}
