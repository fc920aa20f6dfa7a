import { evaluatePolicy, type Residency, residencyOfLimits } from '@hanse/protocol'
import { spenderOf } from '../budgets/budget.ts'
import { SettlementError } from '../errors.ts'
import type { PolicyInForce } from './policy-in-force.ts'

/**
 * Where an organization lets what a hold pays for be processed, by those rules of its policy that are about the hold for
 * sure; rules about keys, tags and models that settlement is not told of are the gateway's. `undefined` when there is none.
 *
 * @throws {SettlementError} HANSE_POLICY_REFUSED when two rules have no place in common
 */
export function residencyOf(
  { policy, timeZone }: PolicyInForce,
  hold: { readonly attribution: string | null; readonly at: number },
): Residency | undefined {
  if (policy === null) return undefined
  const facts = { ...spenderOf(hold.attribution), at: hold.at }
  const found = residencyOfLimits(evaluatePolicy(policy, facts, timeZone).limits)
  if (found !== 'nowhere') return found
  const message = 'two rules of the policy allow no region in common'
  throw new SettlementError('HANSE_POLICY_REFUSED', message)
}
