import type { FastifyRequest } from 'fastify'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { isToken, type Operator, ROOT, tokenPrefix } from '../operators/operator.ts'
import { isStrong } from '../people/session-store.ts'
import { throttled } from '../people/sign-in.ts'
import { operatorAttempts } from '../people/sign-in-limits.ts'
import { isSecret } from '../tenants/api-key.ts'
import { bearer, refusal } from './find-caller.ts'
import { refuseRestrictedPerson } from './restricted-caller.ts'
import { requirePerson, type SignedIn } from './session.ts'

type Context = Pick<SettlementContext, 'store' | 'now'>

/** A working day: who decides on the platform's money shows each morning who they are. */
export const OPERATOR_SESSION_MS = 12 * 3_600_000

/**
 * Who of the platform's operators asks: `root` with the token of the data directory, others with their own, or with the
 * session of the person that they are. A token counts alone: what else a request brings along does not help a wrong one.
 *
 * @throws {SettlementError} HANSE_UNAUTHENTICATED, HANSE_SIGN_IN_LIMITED for wrong tokens; for a session also HANSE_ORIGIN, HANSE_FORBIDDEN,
 * HANSE_OPERATOR_FACTOR, HANSE_SIGN_IN_AGAIN
 */
export function findOperator(
  request: FastifyRequest,
  context: Context,
  rootToken: string,
): Promise<Operator> {
  const given = bearer(request)
  return given === undefined
    ? ofSession(request, context)
    : ofToken(given, request.ip, context, rootToken)
}

/**
 * Who tries tokens waits. A right one does not: 256 random bits are not guessed, and behind a proxy that hides addresses
 * strangers would else keep the operators out.
 */
async function ofToken(
  given: string,
  address: string,
  context: Context,
  rootToken: string,
): Promise<Operator> {
  if (isSecret(given, rootToken)) return ROOT
  const prefix = tokenPrefix(given)
  const stored = prefix === undefined ? undefined : await context.store.operatorByPrefix(prefix)
  if (stored !== undefined && isToken(given, stored.hash)) {
    return { id: stored.id, name: stored.name, role: stored.role }
  }
  await throttled(context, [operatorAttempts(address)])
  throw refusal('an operator token')
}

/** Looked up with each request: a link or an operator that ends, ends at once. */
async function ofSession(request: FastifyRequest, { store, now }: Context): Promise<Operator> {
  const session = await requirePerson(request, store)
  refuseRestrictedPerson(request, session)
  const { person, factors, authenticatedAt } = session
  const operator = await store.operatorOfPerson(person)
  if (operator === undefined) {
    throw new SettlementError('HANSE_FORBIDDEN', 'this account is linked to no operator')
  }
  if (!isStrong(factors)) throw weak()
  if (now() - authenticatedAt >= OPERATOR_SESSION_MS) {
    throw new SettlementError('HANSE_SIGN_IN_AGAIN', 'operators sign in every twelve hours')
  }
  return operator
}

/**
 * For what gives or takes a second factor: of who is an operator it is changed only by who has shown one. Otherwise whoever
 * knows the password of somebody with a passkey could add an app, and be the operator.
 *
 * @throws {SettlementError} HANSE_OPERATOR_FACTOR
 */
export async function requireOperatorFactor(
  { person, factors }: SignedIn,
  store: Context['store'],
): Promise<void> {
  if (isStrong(factors)) return
  if ((await store.operatorOfPerson(person)) !== undefined) throw weak()
}

const weak = () =>
  new SettlementError('HANSE_OPERATOR_FACTOR', 'this session was begun without a second factor')
