export {
  amountWith,
  type BudgetRule,
  budgetTermsSchema,
  limitAt,
  moneyText,
  stopLimit,
  type Threshold,
} from './budget.ts'
export {
  evaluatePolicy,
  POLICY_REASONS,
  type PolicyFacts,
  type PolicyLimits,
  type PolicyReason,
  type PolicyRefusal,
  residencyOfLimits,
  type Verdict,
} from './evaluate.ts'
export {
  type GatewayRules,
  type GatewayRulesJson,
  gatewayRulesSchema,
  RULES_LIMITS,
} from './gateway-rules.ts'
export { isTimeZone, localTime } from './local-time.ts'
export { fitsPattern } from './pattern.ts'
export { type PolicyRule, type UsagePolicy, usagePolicySchema } from './policy.ts'
export { type Fit, fitOf, type Scope, type Spender, scopeSchema, scopeText } from './scope.ts'
export { type BudgetWindow, spanAt, spanBefore, type TimeSpan, windowSchema } from './window.ts'
