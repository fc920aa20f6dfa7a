import { m } from '#lib/i18n.ts'

export const breachStates = {
  assessing: m.ops_breach_assessing,
  assessed: m.ops_breach_assessed,
  closed: m.ops_breach_closed,
} as const

export const breachSteps: Readonly<Record<string, () => string>> = {
  detected: m.ops_detected,
  described: m.ops_step_described,
  assessed: m.ops_breach_assessed,
  'authority-notified': m.ops_step_notified,
  'subjects-informed': m.ops_step_informed,
  'subjects-exempt': m.ops_step_exempt,
  noted: m.ops_step_noted,
  closed: m.ops_breach_closed,
  reopened: m.ops_step_reopened,
}

export const risks = {
  unlikely: m.ops_risk_none,
  likely: m.ops_risk,
  high: m.ops_risk_high,
} as const
