import type { FastifyRequest } from 'fastify'
import type { SettlementContext } from '../context.ts'
import type { SettlementStore } from '../db/store.ts'
import { SettlementError } from '../errors.ts'
import { isToken, type Operator, ROOT, tokenPrefix } from '../operators/operator.ts'
import { isKey, isSecret, prefixOf } from '../tenants/api-key.ts'
import type { Scope } from '../tenants/key-scopes.ts'
import type { StoredKey } from '../tenants/tenant-store.ts'

/** A key that may only look cannot do what has no scope of its own. */
const scopeOf = ({ method }: FastifyRequest): Scope =>
  method === 'GET' || method === 'HEAD' ? 'read' : 'billing'

/**
 * Whose key it is. Every tenant's query is scoped by what this returns.
 *
 * @param scope what the key must allow
 * @throws {SettlementError} HANSE_UNAUTHENTICATED, HANSE_FORBIDDEN
 */
export async function organizationOf(
  request: FastifyRequest,
  store: SettlementStore,
  scope: Scope = scopeOf(request),
): Promise<string> {
  const { organization, scopes } = await keyOf(request, store)
  if (scopes.includes(scope)) return organization
  throw new SettlementError('HANSE_FORBIDDEN', `this needs a key with the scope ${scope}`)
}

/** The key that a request was sent with. @throws {SettlementError} HANSE_UNAUTHENTICATED */
export async function keyOf(request: FastifyRequest, store: SettlementStore): Promise<StoredKey> {
  const key = bearer(request)
  const prefix = key === undefined ? undefined : prefixOf(key)
  const stored = prefix === undefined ? undefined : await store.keyByPrefix(prefix)
  if (key === undefined || stored === undefined || !isKey(key, stored)) throw refusal('an API key')
  return stored
}

/**
 * Who of the platform's operators asks: `root` with the token of the data directory, others with their own.
 *
 * @throws {SettlementError} HANSE_UNAUTHENTICATED
 */
export async function checkOperator(
  request: FastifyRequest,
  store: SettlementStore,
  rootToken: string,
): Promise<Operator> {
  const given = bearer(request)
  if (given === undefined) throw refusal('an operator token')
  if (isSecret(given, rootToken)) return ROOT
  const prefix = tokenPrefix(given)
  const stored = prefix === undefined ? undefined : await store.operatorByPrefix(prefix)
  if (stored === undefined || !isToken(given, stored.hash)) throw refusal('an operator token')
  return { id: stored.id, name: stored.name }
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

const asking = new WeakMap<FastifyRequest, Operator>()

/** For every route of the operators: lets them in, and writes down who does what before it is done. */
export function operatorGuard({ store, now }: SettlementContext, rootToken: string) {
  return {
    onRequest: async (request: FastifyRequest): Promise<void> => {
      const operator = await checkOperator(request, store, rootToken)
      asking.set(request, operator)
      const { method, routeOptions, url } = request
      if (method === 'GET') return
      await store.recordAction({
        operator: operator.id,
        action: `${method} ${routeOptions.url ?? ''}`,
        path: url.split('?')[0] ?? '',
        at: now(),
      })
    },
  }
}

/** Who was let in by `operatorGuard`. */
export function operatorOf(request: FastifyRequest): Operator {
  const operator = asking.get(request)
  if (operator === undefined) throw refusal('an operator token')
  return operator
}

function bearer(request: FastifyRequest): string | undefined {
  return /^Bearer ([\x21-\x7e]{1,512})$/iu.exec(request.headers.authorization ?? '')?.[1]
}

const refusal = (what: string) =>
  new SettlementError('HANSE_UNAUTHENTICATED', `send ${what} as a bearer token`)
