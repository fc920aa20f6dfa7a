import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { money } from './schemas.ts'

const security = [{ key: [] }]

/** What an organization has. */
export function tenantRoutes(app: App, { store }: SettlementContext): void {
  app.get(
    '/v1/balance',
    {
      config: { permission: 'organization:read' },
      schema: {
        security,
        response: {
          200: z.object({ organization: z.string(), available: money, held: money, debt: money }),
        },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const debt = await store.debt(organization)
      return { organization, ...(await store.balance(organization)), debt }
    },
  )
}
