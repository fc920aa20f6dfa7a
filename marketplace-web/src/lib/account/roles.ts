export const roles = ['owner', 'admin', 'developer', 'billing', 'auditor'] as const
export type Role = (typeof roles)[number]

/** What pages ask before they show a button. The service decides; here nobody is offered what it would refuse. */
const allowed = {
  'billing:read': ['owner', 'admin', 'billing', 'auditor'],
  'billing:write': ['owner', 'billing'],
  'keys:read': ['owner', 'admin', 'developer', 'auditor'],
  'keys:write': ['owner', 'admin', 'developer'],
  'members:read': ['owner', 'admin', 'developer', 'auditor'],
  'members:write': ['owner', 'admin'],
  'budgets:write': ['owner', 'admin', 'billing'],
  'alerts:write': ['owner', 'admin', 'billing'],
  'exports:write': ['owner', 'admin', 'billing'],
  'settings:read': ['owner', 'admin', 'auditor'],
  'settings:write': ['owner', 'admin'],
  'audit:read': ['owner', 'admin', 'auditor'],
} as const satisfies Record<string, readonly Role[]>
export type Permission = keyof typeof allowed

export const permissions = Object.keys(allowed) as Permission[]

export const roleAllows = (role: Role, permission: Permission): boolean =>
  (allowed[permission] as readonly Role[]).includes(role)
