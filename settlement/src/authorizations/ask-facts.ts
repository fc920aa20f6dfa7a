import type { PeerId } from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import { type PolicyInForce, policyInForce } from '../policies/policy-in-force.ts'
import { isNobody, type UsageSpender, withTags } from '../usage/spender.ts'

export interface AskedFor {
  readonly organization: string
  readonly provider: PeerId
  /** With the tags that were given. */
  readonly by: UsageSpender
}

/** What a promise is written with, besides what was asked for. */
export interface AskFacts extends PolicyInForce {
  /** Its number, which no other has. */
  readonly serial: bigint
  /** Under whom it is summed: with the tags of the key, too, and without a person who is restricted; null for nobody. */
  readonly spender: UsageSpender | null
}

interface Found extends Omit<PolicyInForce, 'policy'> {
  readonly serial: string
  readonly policy: PolicyInForce['policy']
  readonly isProvider: boolean
  readonly tags: readonly string[] | null
  readonly isRestricted: boolean
}

/** @throws {SettlementError} HANSE_PROVIDER_UNKNOWN */
export async function askFacts(
  db: Database,
  { organization, provider, by }: AskedFor,
): Promise<AskFacts> {
  const [found] = await rows<Found>(
    db,
    sql`select nextval('authorization_serial')::text as serial, policy, "timeZone",
        exists (select from provider where peer_id = ${provider}) as "isProvider",
        (select tags from api_key where prefix = ${by.key} and organization = ${organization}) as tags,
        exists (select from person where id = ${by.member} and restricted_at is not null) as "isRestricted"
      from ${policyInForce(organization)} as p`,
  )
  if (found?.isProvider !== true) {
    throw new SettlementError('HANSE_PROVIDER_UNKNOWN', `${provider} has no payout account here`)
  }
  const { serial, policy, timeZone, tags, isRestricted } = found
  const spender = withTags(isRestricted ? { ...by, member: '' } : by, tags ?? [])
  return {
    serial: BigInt(serial),
    policy,
    timeZone,
    spender: isNobody(spender) ? null : spender,
  }
}
