import type { FastifyContextConfig, FastifyInstance } from 'fastify'
import type { Permission } from '../access/permissions.ts'

/** Who calls a route that needs no permission in an organization. */
export const CALLERS = {
  public: 'anybody',
  person: 'who is signed in, about their own account',
  link: 'who has the token of a mail',
  signed: 'a node or Stripe, by the signature of what it sends',
  directory: 'the directory of an organization, by its token (SCIM)',
  token: 'an operator’s monitoring, by its token',
  operator: 'operators of the platform',
} as const
export type Caller = keyof typeof CALLERS

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What whoever calls must be allowed to do in their organization: all of it, where there are several. */
    readonly permission?: Permission | readonly Permission[]
    /** Besides the permission: not for keys, or for owners alone. */
    readonly people?: 'members' | 'owners'
    /** A parameter of the path: whoever it names needs no permission, but to be a member. */
    readonly unlessSelf?: string
    /** Instead of a permission. */
    readonly access?: Caller
    /** Also for who has had the processing of their data restricted: it is a right, a claim, or an end of something. */
    readonly whileRestricted?: true
  }
  interface FastifyInstance {
    /** Every route there is, once the app is ready. */
    readonly routeAccess: readonly RouteAccess[]
  }
}

export interface RouteAccess {
  readonly method: string
  /** With parameters as `:name`. */
  readonly path: string
  /** None where it is no organization's. */
  readonly permissions: readonly Permission[]
  readonly people?: 'members' | 'owners'
  readonly unlessSelf?: string
  readonly caller?: Caller
  readonly whileRestricted?: true
}

/** From here on an app takes no route that does not say who may call it. It comes before all routes. */
export function collectRouteAccess(app: FastifyInstance): void {
  const routes: RouteAccess[] = []
  app.decorate('routeAccess', routes)
  app.addHook('onRoute', ({ method, url, config }) => {
    for (const one of [method].flat()) {
      // What answers these is what answers GET, and what browsers ask before they send something.
      if (one === 'HEAD' || one === 'OPTIONS') continue
      routes.push(accessOf(one, url, config ?? {}))
    }
  })
}

/** @throws {Error} where a route does not say who may call it, or says it twice: a fault of ours, told at start */
function accessOf(method: string, path: string, config: FastifyContextConfig): RouteAccess {
  const { access, people, unlessSelf, whileRestricted } = config
  const permissions = permissionsOf(config)
  if ((access === undefined) === (permissions.length === 0)) {
    throw new Error(`${method} ${path} must say who may call it: a permission, or access`)
  }
  return {
    method,
    path,
    permissions,
    ...(people !== undefined && { people }),
    ...(unlessSelf !== undefined && { unlessSelf }),
    ...(access !== undefined && { caller: access }),
    ...(whileRestricted !== undefined && { whileRestricted }),
  }
}

/** What a route needs of whoever calls it. */
export const permissionsOf = ({ permission }: FastifyContextConfig): readonly Permission[] =>
  permission === undefined ? [] : [permission].flat()
