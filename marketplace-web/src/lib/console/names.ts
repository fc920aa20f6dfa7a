import { m } from '#lib/i18n.ts'
import type { Operator } from './session.svelte.ts'

export const roleNames: Readonly<Record<Operator['role'], () => string>> = {
  operator: m.console_role_operator,
  support: m.console_role_support,
  'platform-auditor': m.console_role_auditor,
}
