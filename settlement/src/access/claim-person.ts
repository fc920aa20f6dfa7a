import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'

const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`

/**
 * The person with an address that the owner of its domain vouches for, made where there is none. Whoever opened an account
 * with the address and never proved it may be anybody: all that they could sign in with is taken away.
 *
 * @returns their id; undefined when they are shut out of the service
 */
export async function claimPerson(
  tx: Database,
  given: { readonly email: string; readonly name: string; readonly at: number },
): Promise<string | undefined> {
  const { email, name, at } = given
  await tx.execute(sql`insert into person (id, email, name, email_verified_at, created_at)
    values (${`per_${randomUUID()}`}, ${email}, ${name}, ${iso(at)}, ${iso(at)}) on conflict (email) do nothing`)
  const [found] = await rows<{ id: string; isVerified: boolean; isDisabled: boolean }>(
    tx,
    sql`select id, email_verified_at is not null as "isVerified", disabled_at is not null as "isDisabled"
      from person where email = ${email} for update`,
  )
  if (found === undefined || found.isDisabled) return undefined
  if (!found.isVerified) await takeFrom(tx, found.id, at)
  return found.id
}

async function takeFrom(tx: Database, person: string, at: number): Promise<void> {
  await tx.execute(
    sql`update person set password_hash = null, email_verified_at = ${iso(at)} where id = ${person}`,
  )
  await endSessions(tx, person, at)
  await tx.execute(sql`delete from person_passkey where person = ${person}`)
  await tx.execute(sql`delete from person_totp where person = ${person}`)
  await tx.execute(sql`delete from person_recovery_code where person = ${person}`)
  await tx.execute(sql`delete from person_token where person = ${person}`)
}

export async function endSessions(tx: Database, person: string, at: number): Promise<void> {
  await tx.execute(sql`update person_session set revoked_at = ${iso(at)}
    where person = ${person} and revoked_at is null`)
}

/** Whether an organization has proven that an address's domain is its own. */
export async function ownsDomainOf(
  tx: Database,
  organization: string,
  email: string,
): Promise<boolean> {
  const found = await rows(
    tx,
    sql`select domain from sso_domain where organization = ${organization} and verified_at is not null
      and domain = split_part(${email}, '@', 2)`,
  )
  return found.length > 0
}
