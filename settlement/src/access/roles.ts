import { PERMISSIONS, type Permission } from './permissions.ts'

/** What a member of an organization is. */
export const ROLES = ['owner', 'admin', 'developer', 'billing', 'auditor'] as const
export type Role = (typeof ROLES)[number]

/** What an operator of the platform is. */
export const PLATFORM_ROLES = ['operator', 'support', 'platform-auditor'] as const
export type PlatformRole = (typeof PLATFORM_ROLES)[number]

/** Everything that may be looked at and is no trail of people or keys. */
const REPORTS: readonly Permission[] = [
  'organization:read',
  'usage:read',
  'costs:read',
  'budgets:read',
  'policies:read',
  'alerts:read',
  'rates:read',
  'exports:read',
]

const ALLOWED: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  owner: new Set(PERMISSIONS),
  // Runs the organization, but moves no money: who pays decides that.
  admin: new Set(PERMISSIONS.filter((permission) => permission !== 'billing:write')),
  developer: new Set<Permission>([
    ...REPORTS,
    'spend',
    'keys:read',
    'keys:write',
    'members:read',
    'imports:write',
    'outcomes:write',
  ]),
  billing: new Set<Permission>([
    ...REPORTS,
    'billing:read',
    'billing:write',
    'budgets:write',
    'alerts:write',
    'rates:write',
    'exports:write',
    'imports:write',
  ]),
  // Looks at everything, and changes nothing.
  auditor: new Set(PERMISSIONS.filter((permission) => permission.endsWith(':read'))),
}

/** Whether a member of this role may do it. */
export const roleAllows = (role: Role, permission: Permission): boolean =>
  ALLOWED[role].has(permission)

/** Whether somebody of one role may give or take another: nobody makes somebody who may do more than they. */
export const mayManage = (by: Role, role: Role): boolean =>
  roleAllows(by, 'members:write') && (by === 'owner' || role !== 'owner')

/** Decisions on money, by the pattern of the route below `/v1/admin/`; the rest of that tree is for looking after things. */
const MONEY =
  /^\/v1\/admin\/(?:payouts|payout-runs|payout-holds|adjustments|service-credits|reconciliations|differences|ledger|vat|backups)(?:\/|$)/u

/**
 * Whether an operator of this role may call a route. Operators may do everything; the others only look, and who answers
 * customers' questions does not look into decisions on money.
 *
 * @param route the pattern of the route
 */
export function platformRoleAllows(role: PlatformRole, method: string, route: string): boolean {
  if (role === 'operator') return true
  if (method !== 'GET' && method !== 'HEAD') return false
  return role === 'platform-auditor' || !MONEY.test(route)
}

/** What the role of an operator comes to: looking, looking into decisions on money, and doing things. */
export const PLATFORM_POWERS = ['look', 'look-at-money', 'act'] as const
export type PlatformPower = (typeof PLATFORM_POWERS)[number]

export const platformPowers = (role: PlatformRole): PlatformPower[] =>
  PLATFORM_POWERS.filter((power) => {
    const [method, route] = SAMPLES[power]
    return platformRoleAllows(role, method, route)
  })

/** A route that stands for all that a power opens. */
const SAMPLES = {
  look: ['GET', '/v1/admin/jobs'],
  'look-at-money': ['GET', '/v1/admin/payout-runs'],
  act: ['POST', '/v1/admin/payout-runs'],
} as const satisfies Record<PlatformPower, readonly [string, string]>

/**
 * Whether somebody with one role may give a key with another to somebody, or take it over; null is a key that only its
 * scopes bound.
 */
export function roleCovers(by: Role | null, role: Role | null): boolean {
  if (by === null) return true
  const given = role === null ? PERMISSIONS : [...ALLOWED[role]]
  return given.every((permission) => roleAllows(by, permission))
}
