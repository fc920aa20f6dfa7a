import type { FastifyInstance } from 'fastify'
import type { App } from '../api/app.ts'
import type { SettlementContext } from '../context.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** `METHOD /path` of every route that is there in EU mode alone, once the app is ready. */
    readonly auditedRoutes: readonly string[]
  }
}

/** Before all routes: see `auditedRoutes`. */
export function collectAuditedRoutes(app: FastifyInstance): void {
  app.decorate('auditedRoutes', [])
}

/**
 * Takes a group of routes in EU mode alone. Elsewhere nothing of it is registered, so its paths answer as those do that never
 * were, 404 with HANSE_NOT_FOUND, to whoever asks; and what only these routes write stays empty.
 */
export function whenAudited(
  app: App,
  context: SettlementContext,
  register: (app: App, context: SettlementContext) => void,
): void {
  if (!context.euAudit) return
  app.register(async (scope) => {
    const routes = scope.auditedRoutes as string[]
    scope.addHook('onRoute', ({ method, url }) => {
      // What answers HEAD is what answers GET.
      for (const one of [method].flat()) if (one !== 'HEAD') routes.push(`${one} ${url}`)
    })
    register(scope as unknown as App, context)
  })
}
