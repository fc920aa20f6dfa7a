import type { SettlementStore } from '../db/store.ts'
import { SettlementError } from '../errors.ts'

/**
 * Lets who has this address sign in as an operator. They must have a second factor already: otherwise whoever learns the
 * password could add one, and be the operator.
 *
 * @param by id of the operator who decides
 * @throws {SettlementError} HANSE_NOT_FOUND, HANSE_OPERATOR_FACTOR, HANSE_OPERATOR_LINKED
 */
export async function linkOperator(
  store: SettlementStore,
  given: { readonly operator: string; readonly email: string; readonly by: string },
  at: number,
): Promise<{ operator: string; person: string }> {
  const { operator, by } = given
  const person = await store.personByEmail(given.email)
  if (person === undefined || !person.isVerified || person.isDisabled) {
    throw new SettlementError('HANSE_NOT_FOUND', 'no confirmed account has this address')
  }
  if (!person.hasTotp && (await store.passkeys(person.id)).length === 0) {
    throw new SettlementError('HANSE_OPERATOR_FACTOR', 'the account has no second factor')
  }
  const linked = await store.linkOperator({ operator, person: person.id, by, at })
  if (linked === 'gone') throw missing(operator)
  if (linked === 'taken') {
    throw new SettlementError('HANSE_OPERATOR_LINKED', 'one of them was linked to somebody else')
  }
  return { operator, person: person.id }
}

/** @throws {SettlementError} HANSE_NOT_FOUND */
export async function unlinkOperator(
  store: SettlementStore,
  { operator, by }: { readonly operator: string; readonly by: string },
  at: number,
): Promise<{ operator: string }> {
  if (!(await store.unlinkOperator(operator, by, at))) throw missing(operator)
  return { operator }
}

const missing = (operator: string) =>
  new SettlementError('HANSE_NOT_FOUND', `no operator ${operator} with a person`)
