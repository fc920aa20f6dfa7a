import { randomUUID } from 'node:crypto'
import type { SettlementContext } from '../../context.ts'
import type { Factor } from '../../people/session-store.ts'
import { newToken } from '../../people/session-token.ts'
import { createApiKey } from '../../tenants/api-key.ts'
import { SCOPES, type Scope } from '../../tenants/key-scopes.ts'
import { allowProcessing } from '../../testing/market.ts'
import type { Role } from '../roles.ts'

type Context = Pick<SettlementContext, 'store' | 'now'>

export interface TestPerson {
  readonly id: string
  readonly email: string
  /** What a browser sends. */
  readonly headers: Readonly<Record<string, string>>
}

const DAY_MS = 86_400_000

/** Somebody who has proven an address and is signed in. */
export async function addPerson(
  context: Context,
  email: string = `${randomUUID()}@example.org`,
  factors: readonly Factor[] = ['password'],
): Promise<TestPerson> {
  const id = `per_${randomUUID()}`
  const at = new Date(context.now()).toISOString()
  await context.store.executeSql(
    'insert into person (id, email, email_verified_at, created_at) values ($1, $2, $3::timestamptz, $3::timestamptz)',
    [id, email, at],
  )
  return { id, email, headers: await signIn(context, id, factors) }
}

/** Another session of the same person. */
export async function signIn(
  { store, now }: Context,
  person: string,
  factors: readonly Factor[] = ['password'],
): Promise<Record<string, string>> {
  const { token, hash } = newToken()
  const at = now()
  await store.addPersonSession({
    id: `ses_${randomUUID()}`,
    hash,
    person,
    at,
    expiresAt: at + DAY_MS,
    authenticatedAt: at,
    userAgent: null,
    factors,
  })
  return { cookie: `hanse_session=${token}`, origin: 'http://settlement.test' }
}

export async function addMemberOf(
  context: Context,
  organization: string,
  role: Role,
  email?: string,
  factors?: readonly Factor[],
): Promise<TestPerson> {
  const person = await addPerson(context, email, factors)
  await join(context, organization, person.id, role)
  return person
}

export async function join(
  { store, now }: Context,
  organization: string,
  person: string,
  role: Role,
): Promise<void> {
  await store.executeSql(
    'insert into member (organization, person, role, created_at) values ($1, $2, $3, $4::timestamptz)',
    [organization, person, role, new Date(now()).toISOString()],
  )
}

/** An organization with a key that has all scopes. */
export async function addOrganization(
  { store, now }: Context,
  name = 'Test GmbH',
): Promise<{ organization: string; key: Record<string, string> }> {
  const organization = `org_${randomUUID()}`
  const { key, prefix, hash } = createApiKey()
  await store.createOrganization({
    id: organization,
    name,
    key: { prefix, hash },
    consumers: [],
    at: now(),
  })
  await allowProcessing(store, organization)
  return { organization, key: { authorization: `Bearer ${key}` } }
}

/** Another key of an organization. */
export async function addKeyOf(
  { store, now }: Context,
  organization: string,
  given: {
    scopes?: readonly Scope[]
    role?: Role
    requestsPerMinute?: number
    expiresAt?: number
  } = {},
): Promise<{ prefix: string; headers: Record<string, string> }> {
  const { key, prefix, hash } = createApiKey()
  const { scopes = SCOPES, role = null, requestsPerMinute = null, expiresAt = null } = given
  const own = { organization, prefix, hash, name: 'k', createdBy: 'key:test', at: now() }
  await store.addKey({ ...own, scopes, role, requestsPerMinute, expiresAt })
  return { prefix, headers: { authorization: `Bearer ${key}` } }
}
