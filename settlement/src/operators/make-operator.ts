import { randomUUID } from 'node:crypto'
import type { PlatformRole } from '../access/roles.ts'
import type { SettlementStore } from '../db/store.ts'
import { createOperatorToken } from './operator.ts'

/**
 * Another operator, with a token that is shown this once.
 *
 * @throws {SettlementError} HANSE_OPERATOR_TAKEN
 */
export async function makeOperator(
  store: SettlementStore,
  given: { readonly name: string; readonly role: PlatformRole; readonly by: string },
  at: number,
): Promise<{ operator: string; name: string; token: string }> {
  const { token, prefix, hash } = createOperatorToken()
  const id = `op-${randomUUID()}`
  const { name, role, by } = given
  await store.createOperator({ id, name, role, prefix, hash, createdBy: by, at })
  return { operator: id, name, token }
}
