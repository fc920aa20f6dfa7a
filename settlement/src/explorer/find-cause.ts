import { type SQL, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import type { TransferKind } from '../ledger/accounts.ts'
import { CAUSES_OF, type Cause, type CauseType, recordOf } from './cause.ts'

const millis = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::int8`)
const ORGANIZATION = sql.raw('organization')
const PROVIDER = sql.raw('provider')

/** Each finds its record by a key, whatever there is of it. */
const FINDERS: Readonly<Record<CauseType, (reference: string) => SQL>> = {
  'top-up': (reference) => found(ORGANIZATION, 'top_up', 'created_at', 'payment_intent', reference),
  invoice: (reference) =>
    stateless(ORGANIZATION, 'subscription_invoice', 'paid_at', 'id', reference),
  refund: (reference) => found(ORGANIZATION, 'refund', 'created_at', 'id', recordOf(reference)),
  dispute: (reference) => sql`select id, organization as party, status as state,
    ${millis('created_at')} as at from dispute where id = ${recordOf(reference)}`,
  authorization: (reference) => sql`select cid as id, organization as party,
    case when revoked_at is not null then 'revoked' when closed_at is not null then 'closed' else 'open' end as state,
    ${millis('issued_at')} as at from spend_authorization where cid = ${recordOf(reference)}`,
  'held-earnings': (reference) => sql`select id, provider as party,
    case when released_at is null then 'held' else 'released' end as state, ${millis('earned_on')} as at
    from held_earnings where id = ${reference}`,
  payout: (reference) => found(PROVIDER, 'payout', 'created_at', 'id', reference),
  'payout-reversal': (
    reference,
  ) => sql`select r.id, p.provider as party, r.state, ${millis('r.created_at')} as at
    from payout_reversal r join payout p on p.id = r.payout where r.id = ${reference}`,
  'provider-debt': (reference) =>
    stateless(PROVIDER, 'provider_debt_recovery', 'at', 'id', reference),
  'organization-debt': (
    reference,
  ) => sql`select reference as id, organization as party, null as state,
    ${millis('at')} as at from debt_recovery where reference = ${reference} limit 1`,
  adjustment: (reference) => sql`select id, null as party, state, ${millis('proposed_at')} as at
    from adjustment where id = ${reference}`,
  'service-credit': (reference) => sql`select id, organization as party, state, null::int8 as at
    from service_credit where id = ${reference}`,
  movement: (
    reference,
  ) => sql`select id, null as party, type as state, ${millis('created_at')} as at
    from stripe_movement where id = ${reference}`,
  trial: (reference) => sql`select organization as id, organization as party, null as state,
    ${millis('at')} as at from trial_grant where person = ${reference}`,
  statement: (
    reference,
  ) => sql`select s.cid as id, a.organization as party, null as state, ${millis('s.at')} as at
    from settled_statement s join spend_authorization a on a.serial = s.authorization_serial
    where s.cid = ${recordOf(reference)}`,
  // Of two that contradict each other an operator may have kept the other: then it is among the evidence.
  receipt: (
    reference,
  ) => sql`select s.session as id, s.organization as party, s.final as state, ${millis('s.updated_at')} as at
    from (select session from settled_receipt where cid = ${reference} and statement is null
      union select session from receipt_conflict where cid = ${reference}
      union select subject from alert where kind = 'receipt-equivocation' and kept = ${reference}) r
    join settled_session s on s.session = r.session limit 1`,
}

/**
 * What caused a transfer: for a receipt, the session that it is of.
 *
 * @returns undefined when nothing has that reference, which `ledger check` tells as a difference
 */
export async function findCause(
  db: Database,
  kind: TransferKind,
  reference: string,
): Promise<Cause | undefined> {
  for (const type of CAUSES_OF[kind]) {
    const [row] = await rows<Omit<Cause, 'type' | 'at'> & { readonly at: string | null }>(
      db,
      FINDERS[type](reference),
    )
    if (row === undefined) continue
    const { id, party, state, at } = row
    return { type, id, party, state, at: at === null ? null : Number(at) }
  }
  return undefined
}

const found = (party: SQL, table: string, at: string, key: string, reference: string) =>
  sql`select id, ${party} as party, state, ${millis(at)} as at from ${sql.raw(table)} where ${sql.raw(key)} = ${reference}`

const stateless = (party: SQL, table: string, at: string, key: string, reference: string) =>
  sql`select id, ${party} as party, null as state, ${millis(at)} as at from ${sql.raw(table)} where ${sql.raw(key)} = ${reference}`
