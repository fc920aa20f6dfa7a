import { PERMISSIONS, type Permission, scopeFor } from './permissions.ts'
import { ROLES, type Role, roleAllows } from './roles.ts'

export interface RoleRow {
  readonly permission: Permission
  /** What a key must have for it. */
  readonly scope: string
  readonly roles: readonly Role[]
}

/** Who may do what, for the page of the documentation. */
export const ROLE_MATRIX: readonly RoleRow[] = PERMISSIONS.map((permission) => ({
  permission,
  scope: scopeFor(permission),
  roles: ROLES.filter((role) => roleAllows(role, permission)),
}))
