import { sql } from 'drizzle-orm'
import { budgetsToLock, type StoredBudget } from '../budgets/budget-rows.ts'
import { type Database, rows } from '../db/database.ts'
import { accountId } from '../ledger/accounts.ts'
import { ownerOf } from '../log/log-fact.ts'
import { type KeyText, keyTextOf } from '../log/subject-keys.ts'
import { type PolicyInForce, policyInForce } from '../policies/policy-in-force.ts'
import { type LastBasis, lockBasis } from '../rights/basis-store.ts'
import { isRestrictedNow } from '../rights/restriction.ts'
import { digestOfSpender } from '../usage/spender.ts'
import { holdOf, type NewAuthorization } from './new-authorization.ts'

/** What `begin` has found: of the rows that it has locked, what they are until the end of the transaction. */
export interface Begun extends PolicyInForce {
  /** False where the idempotency key has made one before. */
  readonly isNew: boolean
  /** Its number, where it is known. */
  readonly spender: string | null
  readonly organization: { readonly isDisabled: boolean; readonly isRestricted: boolean } | null
  readonly provider: { readonly isRestricted: boolean; readonly country: string | null } | null
  /** Null where no key asked, or one that is nowhere written down. */
  readonly hasKeyEnded: boolean | null
  readonly basis: LastBasis | null
  readonly budgets: readonly StoredBudget[]
  /** Whose the consumer is. */
  readonly boundTo: string | null
  readonly isInDebt: boolean
  /** How many of the accounts that the hold goes between are there. */
  readonly accounts: number
  readonly seal: KeyText | null
}

/**
 * Writes the promise down, and looks at everything that may speak against it. Rows are locked in the order of the columns: a
 * budget's last, for it is where those of one organization wait for each other.
 */
export async function begin(tx: Database, given: NewAuthorization): Promise<Begun> {
  const { organization, consumer, provider, spender, issuedAt } = given
  const { debit, credit } = holdOf(given)
  const digest = spender === null ? null : digestOfSpender(spender)
  const [begun] = await rows<Begun>(
    tx,
    sql`with whose as materialized (
        select id from usage_spender where organization = ${organization} and digest = ${digest}),
      opened as (
        insert into spend_authorization (serial, cid, organization, consumer, provider, amount_limit, issued_at, not_after,
          signed, idempotency_key, request_digest, extends, attribution, residency, spender)
        values (${given.serial.toString()}::int8, ${given.cid}, ${organization}, ${consumer}, ${provider},
          ${given.limit.toString()}::numeric, ${time(issuedAt)}, ${time(given.notAfter)}, ${Buffer.from(given.signed)},
          ${given.idempotencyKey}, ${given.requestDigest}, ${given.extends ?? null}, ${given.attribution},
          ${given.residency === undefined ? null : JSON.stringify(given.residency)}::jsonb, (select id from whose))
        on conflict (organization, idempotency_key) do nothing returning serial),
      payer as materialized (
        select disabled_at is not null as "isDisabled", ${isRestrictedNow('organization', organization)} as "isRestricted"
        from organization where id = ${organization} for share),
      payee as materialized (
        select ${isRestrictedNow('provider', provider)} as "isRestricted", country
        from provider where peer_id = ${provider} for share),
      asking as materialized (
        select revoked_at is not null or coalesce(expires_at <= ${time(issuedAt)}, false) as "hasEnded"
        from api_key where prefix = ${spender?.key ?? ''} and organization = ${organization} for share),
      basis as materialized (${lockBasis(organization)}),
      ruling as materialized (${budgetsToLock(organization)})
    select exists (select from opened) as "isNew",
      (select id::text from whose) as spender,
      (select row_to_json(payer) from payer) as organization,
      (select row_to_json(payee) from payee) as provider,
      (select "hasEnded" from asking) as "hasKeyEnded",
      (select row_to_json(basis) from basis) as basis,
      (select coalesce(json_agg(ruling order by id), '[]') from ruling) as budgets,
      (select c.organization from consumer c where c.peer_id = ${consumer}) as "boundTo",
      exists (select from ledger_balance
        where account = ${accountId('debt', organization)} and debits > credits) as "isInDebt",
      (select count(*)::int4 from ledger_balance where account in (${debit}, ${credit})) as accounts,
      ${keyTextOf(ownerOf('organization', organization))} as seal, policy, "timeZone"
    from ${policyInForce(organization)} as p`,
  )
  if (begun === undefined) throw new Error('a statement without a table has one row')
  return begun
}

const time = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`
