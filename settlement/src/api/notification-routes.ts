import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { testPlatform } from '../notifications/test-channel.ts'
import type { App } from './app.ts'
import { operatorOf, principal } from './auth.ts'
import { channelRoutes } from './channel-routes.ts'
import { deliveryRoutes } from './delivery-routes.ts'
import { notificationLinks } from './notification-links.ts'
import { testSchema } from './notification-schemas.ts'
import { REACHING_OUT, type Side, security } from './notification-side.ts'
import { subscriptionRoutes } from './subscription-routes.ts'

/** Where events are told, and what became of it. */
export function notificationRoutes(app: App, context: SettlementContext): void {
  const organizations: Side = {
    prefix: '/v1',
    access: (permission) => ({ permission }),
    who: (request) => {
      const { organization, actor } = principal(request)
      return { owner: organization, actor }
    },
  }
  const operators: Side = {
    prefix: '/v1/admin',
    access: () => ({ access: 'operator' }),
    who: (request) => ({ owner: null, actor: `operator:${operatorOf(request).id}` }),
  }
  for (const side of [organizations, operators]) {
    channelRoutes(app, context, side)
    subscriptionRoutes(app, context, side)
    deliveryRoutes(app, context, side)
  }
  app.post(
    '/v1/admin/channels/test',
    {
      config: { ...REACHING_OUT, access: 'operator' },
      schema: {
        security,
        description: 'Sends a test over every channel of the operators that is on',
        response: { 200: z.object({ results: z.array(testSchema) }) },
      },
    },
    () => testPlatform(context),
  )
  notificationLinks(app, context)
}
