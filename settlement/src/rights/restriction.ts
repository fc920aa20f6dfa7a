import { type SQL, sql } from 'drizzle-orm'
import { revokeAllOf } from '../authorizations/revoke-all.ts'
import { type Database, rows } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import type { SubjectKind } from './register/index.ts'

interface Subject {
  readonly kind: SubjectKind
  readonly id: string
}

/** Where it stands whose processing is restricted (GDPR, Article 18): a column that each look at a caller reads anyway. */
const TABLES = {
  person: { table: 'person', key: 'id' },
  organization: { table: 'organization', key: 'id' },
  provider: { table: 'provider', key: 'peer_id' },
} as const satisfies Record<SubjectKind, { readonly table: string; readonly key: string }>

/** Of the requests of somebody, those that restrict: any one of several is enough, and each ends by itself. */
const STANDING = sql.raw(`kind = 'restriction' and state = 'done' and lifted_at is null`)

/**
 * Writes down whether somebody's processing is restricted, as their requests say now, and ends what runs for them. The row is
 * written first: what is begun at the same moment holds it, is waited for, and then ended as well.
 *
 * @param at milliseconds since 1970
 */
export async function keepRestriction(tx: Database, { kind, id }: Subject, at: number) {
  const { table, key } = TABLES[kind]
  const [row] = await rows<{ isRestricted: boolean }>(
    tx,
    sql`update ${sql.identifier(table)} set restricted_at = (select min(ended_at) from rights_request
        where subject_kind = ${kind} and subject = ${id} and ${STANDING})
      where ${sql.identifier(key)} = ${id} returning restricted_at is not null as "isRestricted"`,
  )
  // A person is promised nothing: what was promised at their request is their organization's.
  if (row?.isRestricted !== true || kind === 'person') return
  await revokeAllOf(tx, { kind, id }, at, kind === 'organization' ? kind : 'operator')
}

/** Whether the processing of somebody's data is restricted: a column of a statement about their own row. */
export const isRestrictedNow = (kind: SubjectKind, id: string): SQL =>
  sql`(restricted_at is not null or exists (select from rights_request
    where subject_kind = ${kind} and subject = ${id} and ${STANDING}))`

/**
 * Nothing new is promised for an organization, or to a provider, whose processing is restricted. Both rows are held until the
 * promise is there, so that whoever restricts finds it.
 *
 * @throws {SettlementError} HANSE_PROCESSING_RESTRICTED
 */
export function refuseRestricted(isRestricted: Readonly<Partial<Record<SubjectKind, boolean>>>) {
  for (const kind of ['organization', 'provider'] as const)
    if (isRestricted[kind] === true) throw restricted(kind)
}

const restricted = (kind: SubjectKind): SettlementError =>
  new SettlementError(
    'HANSE_PROCESSING_RESTRICTED',
    `the ${kind} had the processing of its data restricted (GDPR, Article 18)`,
  )
