import type { FastifyRequest } from 'fastify'
import { chosen, ORGANIZATION_HEADER } from '../access/membership.ts'
import type { Role } from '../access/roles.ts'
import { hashScimToken, isScimToken } from '../access/scim.ts'
import type { ScimOrganization } from '../access/scim-store.ts'
import type { SettlementStore } from '../db/store.ts'
import { SettlementError } from '../errors.ts'
import { isKey, isSecret, prefixOf } from '../tenants/api-key.ts'
import { SCOPES, type Scope } from '../tenants/key-scopes.ts'
import type { StoredKey } from '../tenants/tenant-store.ts'
import { personOf, type SignedIn } from './session.ts'

/** Who asks, on whose behalf. */
export interface Principal {
  readonly organization: string
  /** `key:<prefix>` or `person:<id>`, for what is written down of who did what. */
  readonly actor: string
  /** What bounds them: a member's role, or that of who made the key; null where only the key's scopes do. */
  readonly role: Role | null
  readonly scopes: readonly Scope[]
  /** Who answers for the keys that are made: with a key, the person who made it. */
  readonly responsible: string
  /** An operator has shut the organization: nobody acts for it. */
  readonly isDisabled: boolean
  /** The organization has had the processing of its data restricted. */
  readonly isRestricted: boolean
  /** Not of keys. */
  readonly signedIn?: SignedIn
}

/**
 * Who asks, with a key or signed in, whatever they may do.
 *
 * @throws {SettlementError} HANSE_UNAUTHENTICATED
 */
export async function findPrincipal(
  request: FastifyRequest,
  store: SettlementStore,
): Promise<Principal> {
  return bearer(request) === undefined
    ? memberOf(request, store)
    : toPrincipal(await keyOf(request, store))
}

/** A person who is signed in, in the organization that the request names, or in the only one that they belong to. */
async function memberOf(request: FastifyRequest, store: SettlementStore): Promise<Principal> {
  const signedIn = await personOf(request, store)
  if (signedIn === undefined) throw refusal('an API key')
  const { person, session, factors } = signedIn
  const memberships = await store.memberships(person, session)
  const membership = chosen(memberships, factors, request.headers[ORGANIZATION_HEADER])
  const { organization, role, isDisabled, isRestricted } = membership
  return {
    organization,
    isDisabled,
    isRestricted,
    actor: `person:${person}`,
    role,
    scopes: SCOPES,
    responsible: `person:${person}`,
    signedIn,
  }
}

const toPrincipal = (key: StoredKey): Principal => ({
  organization: key.organization,
  isDisabled: key.isDisabled,
  isRestricted: key.isRestricted,
  actor: `key:${key.prefix}`,
  role: key.role,
  scopes: key.scopes,
  responsible: key.createdBy ?? `key:${key.prefix}`,
})

const keys = new WeakMap<FastifyRequest, Promise<StoredKey | undefined>>()

/** @throws {SettlementError} HANSE_UNAUTHENTICATED */
async function keyOf(request: FastifyRequest, store: SettlementStore): Promise<StoredKey> {
  const key = await foundKey(request, store)
  if (key === undefined) throw refusal('an API key')
  return key
}

/** The key that a request was sent with, looked up once. */
export function foundKey(
  request: FastifyRequest,
  store: SettlementStore,
): Promise<StoredKey | undefined> {
  const known = keys.get(request)
  if (known !== undefined) return known
  const found = findKey(request, store)
  keys.set(request, found)
  return found
}

async function findKey(
  request: FastifyRequest,
  store: SettlementStore,
): Promise<StoredKey | undefined> {
  const key = bearer(request)
  const prefix = key === undefined ? undefined : prefixOf(key)
  const stored = prefix === undefined ? undefined : await store.keyByPrefix(prefix)
  if (key === undefined || stored === undefined || !isKey(key, stored)) return undefined
  const { expiresAt } = stored
  return expiresAt !== null && expiresAt <= request.server.settlement.now() ? undefined : stored
}

/** The organization whose directory asks. @throws {SettlementError} HANSE_UNAUTHENTICATED */
export async function findDirectory(
  request: FastifyRequest,
  store: SettlementStore,
): Promise<ScimOrganization> {
  const token = bearer(request)
  const organization =
    token !== undefined && isScimToken(token)
      ? await store.scimOrganization(hashScimToken(token))
      : undefined
  if (organization === undefined) throw refusal('the token of a directory')
  return organization
}

/** @param token without it nobody may. @throws {SettlementError} HANSE_UNAUTHENTICATED */
export function checkBearer(
  request: FastifyRequest,
  token: string | undefined,
  what: string,
): void {
  const given = bearer(request)
  if (given === undefined || token === undefined || !isSecret(given, token)) throw refusal(what)
}

/** What a request was sent with, after `Bearer`. */
export function bearer(request: FastifyRequest): string | undefined {
  return /^Bearer ([\x21-\x7e]{1,512})$/iu.exec(request.headers.authorization ?? '')?.[1]
}

/** What is told to whoever did not show who they are. */
export const refusal = (what: string) =>
  new SettlementError('HANSE_UNAUTHENTICATED', `send ${what} as a bearer token`)
