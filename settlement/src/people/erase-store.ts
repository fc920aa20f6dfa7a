import { sql } from 'drizzle-orm'
import { endMembership } from '../access/member-store.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { SettlementError } from '../errors.ts'

/** Everything that a person has here and that nobody else needs. */
const OWN = [
  'operator_person',
  'person_session',
  'person_passkey',
  'person_totp',
  'person_recovery_code',
  'person_token',
  'person_challenge',
  'sso_identity',
  'scim_group_member',
  'scim_user',
] as const

/** How people go. */
export function eraseStore(db: Database) {
  return {
    /**
     * Erases a person: their address, name and means of signing in, from where they came, and their place in every
     * organization with the keys that they made. What is left is an id that stands for nobody, in what was written down of
     * them, and a digest that keeps a mailbox from a second trial.
     *
     * @returns the address that they had; undefined when there is no such person
     * @throws {SettlementError} HANSE_LAST_OWNER, and then nothing was changed
     */
    erasePerson: (person: string, at: number): Promise<string | undefined> =>
      transact(db, (tx) => emptyPerson(tx, person, at)),
  }
}

export interface EmptyOptions {
  /** After a restore: it was decided long ago, and an organization that lost its last owner has lost them. */
  readonly isRepeated?: boolean
  /** Whoever calls deletes what is the person's own, and counts it. */
  readonly keepsOwn?: boolean
}

/**
 * See `erasePerson`.
 *
 * @throws {SettlementError} HANSE_LAST_OWNER
 */
export async function emptyPerson(
  tx: Database,
  person: string,
  at: number,
  { isRepeated = false, keepsOwn = false }: EmptyOptions = {},
): Promise<string | undefined> {
  await leaveAll(tx, person, at, isRepeated)
  const [held] = await rows<{ email: string }>(
    tx,
    sql`select email from person where id = ${person} and erased_at is null for update`,
  )
  if (held === undefined) return undefined
  for (const table of keepsOwn ? [] : OWN) {
    await tx.execute(sql`delete from ${sql.identifier(table)} where person = ${person}`)
  }
  const gone = `${person}@erased.invalid`
  await eraseInvitations(tx, person, held.email, gone, at)
  await tx.execute(
    sql`update access_log set address = null where actor = ${`person:${person}`} and address is not null`,
  )
  await tx.execute(sql`update person set email = ${gone}, name = '', password_hash = null,
      email_verified_at = null, disabled_at = ${iso(at)}, erased_at = ${iso(at)}
    where id = ${person}`)
  return held.email
}

const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`

/** In the order of their ids: of two who go at once, neither waits for the other for ever. */
async function leaveAll(
  tx: Database,
  person: string,
  at: number,
  isRepeated: boolean,
): Promise<void> {
  const places = await rows<{ organization: string; isDisabled: boolean }>(
    tx,
    sql`select m.organization, o.disabled_at is not null as "isDisabled"
      from member m join organization o on o.id = m.organization
      where m.person = ${person} and m.removed_at is null order by m.organization`,
  )
  for (const { organization, isDisabled } of places) {
    const removal = { organization, person, by: 'owner', keepKeys: false, at } as const
    // Nobody needs an owner of what is shut.
    const outcome = await endMembership(tx, { ...removal, isForced: isDisabled || isRepeated })
    if (outcome !== 'last-owner') continue
    throw new SettlementError('HANSE_LAST_OWNER', `${organization} has no other owner`)
  }
}

/** What was accepted, and what waits: the latter is worth nothing any more. */
async function eraseInvitations(
  tx: Database,
  person: string,
  email: string,
  gone: string,
  at: number,
): Promise<void> {
  await tx.execute(sql`update invitation set email = ${gone}, revoked_at =
      case when accepted_at is null and revoked_at is null then ${iso(at)} else revoked_at end
    where email = ${email} or accepted_by = ${person}`)
}
