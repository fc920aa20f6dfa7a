import type { SettlementContext } from '../context.ts'
import { accountRoutes } from './account-routes.ts'
import type { App } from './app.ts'
import { background } from './background.ts'
import { passkeyRoutes } from './passkey-routes.ts'
import { refuseForeignPages } from './session.ts'
import { signInRoutes } from './sign-in-routes.ts'
import { signUpRoutes } from './sign-up-routes.ts'
import { totpRoutes } from './totp-routes.ts'

/** Accounts of people: none of these is for a page of somebody else. */
export function peopleRoutes(app: App, context: SettlementContext): void {
  app.register(async (scope) => {
    scope.addHook('onRequest', refuseForeignPages)
    // What is said of an account is for its person's screen only.
    scope.addHook('onSend', async (_request, reply) => {
      reply.header('cache-control', 'no-store')
    })
    const routes = scope as unknown as App
    const later = background(routes)
    signUpRoutes(routes, context, later)
    signInRoutes(routes, context, later)
    accountRoutes(routes, context, later)
    totpRoutes(routes, context, later)
    passkeyRoutes(routes, context, later)
  })
}
