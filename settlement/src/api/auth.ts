import type { FastifyRequest } from 'fastify'
import { type Permission, scopeFor } from '../access/permissions.ts'
import { platformRoleAllows, type Role, roleAllows } from '../access/roles.ts'
import type { SettlementContext } from '../context.ts'
import type { SettlementStore } from '../db/store.ts'
import { SettlementError } from '../errors.ts'
import type { Operator } from '../operators/operator.ts'
import { findDirectory, findPrincipal, type Principal, refusal } from './find-caller.ts'
import { findOperator } from './find-operator.ts'
import {
  refuseRestrictedDirectory,
  refuseRestrictedMember,
  refuseRestrictedPerson,
} from './restricted-caller.ts'
import { permissionsOf } from './route-access.ts'
import { requirePerson, type SignedIn } from './session.ts'

/** For whom the access log has an entry; without an organization it is the platform's. */
interface Actor {
  readonly organization: string | null
  readonly actor: string
}

export type Member = Principal & { readonly role: Role; readonly signedIn: SignedIn }

const actors = new WeakMap<FastifyRequest, Actor>()
const principals = new WeakMap<FastifyRequest, Principal>()
const people = new WeakMap<FastifyRequest, SignedIn>()
const operators = new WeakMap<FastifyRequest, Operator>()
const directories = new WeakMap<FastifyRequest, string>()

/**
 * Lets in who may call a route, as the route's own `config` says, and nobody else. It runs once rates are limited, which is
 * in `onRequest`, so that nobody tries tokens without end; and before a body is read, so that whoever may not call learns
 * nothing of what it would take.
 *
 * @throws {SettlementError} HANSE_UNAUTHENTICATED, HANSE_FORBIDDEN, HANSE_PROCESSING_RESTRICTED
 */
export async function letIn(
  request: FastifyRequest,
  context: SettlementContext,
  rootToken: string,
): Promise<void> {
  const { config } = request.routeOptions
  if (config.permission !== undefined) await letInMember(request, context.store)
  switch (config.access) {
    case 'person': {
      const proof = await requirePerson(request, context.store)
      actsAs(request, { organization: null, actor: `person:${proof.person}` })
      refuseRestrictedPerson(request, proof)
      people.set(request, proof)
      return
    }
    case 'operator':
      await letInOperator(request, context, rootToken)
      return
    case 'directory': {
      const { organization, isRestricted } = await findDirectory(request, context.store)
      actsAs(request, { organization, actor: 'scim' })
      refuseRestrictedDirectory(request, isRestricted)
      directories.set(request, organization)
      return
    }
    // Nothing to show, or something that is shown in the body, which the route looks at itself.
    case 'public':
    case 'link':
    case 'signed':
    case 'token':
    case undefined:
  }
}

async function letInMember(request: FastifyRequest, store: SettlementStore): Promise<void> {
  const principal = await findPrincipal(request, store)
  // Who is refused is written down as well.
  actsAs(request, principal)
  if (principal.isDisabled) {
    throw new SettlementError('HANSE_ORGANIZATION_DISABLED', 'the organization is disabled')
  }
  refuseRestrictedMember(request, principal)
  const why = refusalOf(request, principal)
  if (why !== undefined) throw new SettlementError('HANSE_FORBIDDEN', why)
  principals.set(request, principal)
}

function refusalOf(request: FastifyRequest, principal: Principal): string | undefined {
  const { config } = request.routeOptions
  const { signedIn, role } = principal
  if (config.people !== undefined && signedIn === undefined)
    return 'this needs a person who is signed in'
  if (config.people === 'owners' && role !== 'owner') return 'this needs an owner'
  if (signedIn !== undefined && isSelf(request, signedIn)) return undefined
  return permissionsOf(config)
    .map((permission) => lackOf(principal, permission))
    .find((lack) => lack !== undefined)
}

function isSelf({ routeOptions, params }: FastifyRequest, { person }: SignedIn): boolean {
  const { unlessSelf } = routeOptions.config
  return unlessSelf !== undefined && (params as Record<string, unknown>)[unlessSelf] === person
}

function lackOf({ role, scopes }: Principal, permission: Permission): string | undefined {
  const scope = scopeFor(permission)
  if (!scopes.includes(scope)) return `this needs a key with the scope ${scope}`
  if (role !== null && !roleAllows(role, permission)) return `the role ${role} has no ${permission}`
  return undefined
}

/** What operators do is written down before it is done. */
async function letInOperator(
  request: FastifyRequest,
  context: SettlementContext,
  rootToken: string,
): Promise<void> {
  const operator = await findOperator(request, context, rootToken)
  const { method, routeOptions, url } = request
  const route = routeOptions.url ?? ''
  if (!platformRoleAllows(operator.role, method, route)) {
    throw new SettlementError('HANSE_FORBIDDEN', `not for the role ${operator.role}`)
  }
  operators.set(request, operator)
  if (method === 'GET' || method === 'HEAD') return
  const path = url.split('?')[0] ?? ''
  await context.store.recordAction({
    operator: operator.id,
    action: `${method} ${route}`,
    path,
    at: context.now(),
  })
}

/** Who was let in to a route with a permission. Every query of theirs is scoped by the organization in it. */
export function principal(request: FastifyRequest): Principal {
  const found = principals.get(request)
  if (found === undefined) throw refusal('an API key')
  return found
}

/** Who was let in to a route of people with a permission. */
export function member(request: FastifyRequest): Member {
  const { role, signedIn, ...rest } = principal(request)
  if (role !== null && signedIn !== undefined) return { ...rest, role, signedIn }
  throw new SettlementError('HANSE_FORBIDDEN', 'this needs a person who is signed in')
}

/** Who was let in to a route of a person's own account. */
export function signedIn(request: FastifyRequest): SignedIn {
  const found = people.get(request)
  if (found !== undefined) return found
  throw new SettlementError('HANSE_UNAUTHENTICATED', 'sign in first')
}

/** Who was let in to a route of the operators. */
export function operatorOf(request: FastifyRequest): Operator {
  const operator = operators.get(request)
  if (operator === undefined) throw refusal('an operator token')
  return operator
}

/** The organization whose directory was let in. */
export function directoryOf(request: FastifyRequest): string {
  const organization = directories.get(request)
  if (organization === undefined) throw refusal('the token of a directory')
  return organization
}

/** Says for the access log on whose behalf a request acts. */
export const actsAs = (request: FastifyRequest, actor: Actor): void => {
  actors.set(request, actor)
}

/** Who was found to ask, whether or not they were let in; undefined when nobody was. */
export const actorOf = (request: FastifyRequest): Actor | undefined => actors.get(request)
