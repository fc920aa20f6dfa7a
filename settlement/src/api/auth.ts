import type { FastifyRequest } from 'fastify'
import type { SettlementStore } from '../db/store.ts'
import { SettlementError } from '../errors.ts'
import { isKey, isSecret, prefixOf } from '../tenants/api-key.ts'

/** Whose key it is. Every tenant's query is scoped by what this returns. @throws {SettlementError} HANSE_UNAUTHENTICATED */
export async function organizationOf(
  request: FastifyRequest,
  store: SettlementStore,
): Promise<string> {
  const key = bearer(request)
  const prefix = key === undefined ? undefined : prefixOf(key)
  const stored = prefix === undefined ? undefined : await store.keyByPrefix(prefix)
  if (key === undefined || stored === undefined || !isKey(key, stored)) throw refusal('an API key')
  return stored.organization
}

/** @throws {SettlementError} HANSE_UNAUTHENTICATED */
export function checkOperator(request: FastifyRequest, token: string): void {
  checkBearer(request, token, 'the operator token')
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

function bearer(request: FastifyRequest): string | undefined {
  return /^Bearer ([\x21-\x7e]{1,512})$/iu.exec(request.headers.authorization ?? '')?.[1]
}

const refusal = (what: string) =>
  new SettlementError('HANSE_UNAUTHENTICATED', `send ${what} as a bearer token`)
