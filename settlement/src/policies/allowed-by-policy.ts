import { evaluatePolicy } from '@hanse/protocol'
import { spenderOf } from '../budgets/budget.ts'
import { SettlementError } from '../errors.ts'
import type { PolicyInForce } from './policy-in-force.ts'

export interface JudgedHold {
  /** Of the provider, where it is known. */
  readonly country: string | null
  readonly attribution: string | null
  /** Milliseconds since 1970. */
  readonly issuedAt: number
}

/**
 * Judges a hold by as much of the organization's policy as can be judged of it: where the provider is, the hours, and whom
 * the authorization is for. Models, prices and tokens are for the gateway, which knows the request.
 *
 * @throws {SettlementError} HANSE_POLICY_REFUSED
 */
export function allowedByPolicy(
  { policy, timeZone }: PolicyInForce,
  { country, attribution, issuedAt }: JudgedHold,
): void {
  if (policy === null) return
  const { refusals } = evaluatePolicy(
    policy,
    { ...spenderOf(attribution), ...(country !== null && { country }), at: issuedAt },
    timeZone,
  )
  const [first] = refusals
  if (first !== undefined) throw new SettlementError('HANSE_POLICY_REFUSED', first.message)
}
