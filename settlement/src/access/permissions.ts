import type { Scope } from '../tenants/key-scopes.ts'

/** What can be allowed within an organization. `read` looks, `write` changes. */
export const PERMISSIONS = [
  'organization:read',
  'usage:read',
  'costs:read',
  'billing:read',
  'billing:write',
  'spend',
  'keys:read',
  'keys:write',
  'members:read',
  'members:write',
  'budgets:read',
  'budgets:write',
  'policies:read',
  'policies:write',
  'alerts:read',
  'alerts:write',
  'rates:read',
  'rates:write',
  'imports:write',
  'outcomes:write',
  'exports:read',
  'exports:write',
  'audit:read',
  'settings:read',
  'settings:write',
] as const
export type Permission = (typeof PERMISSIONS)[number]

/** The scope that a key must have for it. */
export function scopeFor(permission: Permission): Scope {
  if (permission === 'spend') return 'spend'
  if (permission.startsWith('billing:')) return 'billing'
  if (permission.startsWith('keys:')) return 'keys'
  return permission.endsWith(':read') ? 'read' : 'manage'
}
