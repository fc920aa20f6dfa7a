import type { UsagePolicy } from '@hanse/protocol'
import { type SQL, sql } from 'drizzle-orm'

/** By what an organization's holds are judged. */
export interface PolicyInForce {
  /** Null where none is active. */
  readonly policy: UsagePolicy | null
  readonly timeZone: string
}

/** Where no time zone was set. */
export const DEFAULT_TIME_ZONE = 'UTC'

/** One row, whatever the organization has set: to stand in `from`, with the columns of `PolicyInForce`. */
export const policyInForce = (organization: string): SQL =>
  sql`(select p.document as policy, coalesce(r.time_zone, ${DEFAULT_TIME_ZONE}) as "timeZone"
    from (values (${organization}::text)) as o(organization)
    left join spending_rules r on r.organization = o.organization
    left join policy_version p on p.organization = r.organization and p.version = r.policy_version)`
