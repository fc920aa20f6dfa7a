import { m } from '#lib/i18n.ts'
import type { Role } from './roles.ts'

export const roleNames: Readonly<Record<Role, () => string>> = {
  owner: m.role_owner,
  admin: m.role_admin,
  developer: m.role_developer,
  billing: m.role_billing,
  auditor: m.role_auditor,
}
