import { scopeText } from '@hanse/protocol'
import type { OrganizationRules } from './organization-rules.ts'

/** What the organization rules, what came of it here, and why the last requests were refused; amounts as digits. */
export function jsonOfRules(organization: OrganizationRules, now: number): object {
  const { rules, confirmedAt, refusals, budgets } = organization
  return {
    revision: rules?.revision ?? null,
    confirmedAt: confirmedAt ?? null,
    timeZone: rules?.timeZone ?? null,
    policyRules: rules?.policy?.rules.map(({ name }) => name) ?? [],
    budgets: budgets.states(now).map(({ rule, span, limit, spent, reserved, ...state }) => ({
      id: rule.id,
      name: rule.name,
      scope: scopeText(rule.scope),
      from: span.from,
      to: span.to,
      limit: limit?.toString() ?? null,
      spent: spent.toString(),
      reserved: reserved.toString(),
      isSlowed: state.isSlowed,
      stoppedUntil: state.stoppedUntil ?? null,
    })),
    refusals,
  }
}

/** As settlement is told of budgets that only gateways can count; `undefined` where there are none. */
export function reportOf(
  organization: OrganizationRules,
  gateway: string,
  now: number,
): { readonly body: string } | undefined {
  const own = organization.budgets
    .states(now)
    .filter(({ rule }) => Object.keys(rule.scope).length > 0)
    .map(({ rule, span, spent, reserved }) => ({
      budget: rule.id,
      from: span.from,
      spent: spent.toString(),
      held: reserved.toString(),
    }))
  return own.length === 0 ? undefined : { body: JSON.stringify({ gateway, budgets: own }) }
}
