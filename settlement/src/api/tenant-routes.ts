import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import type { App } from './app.ts'
import { organizationOf } from './auth.ts'
import { money } from './schemas.ts'

const security = [{ key: [] }]

/** What an organization has. */
export function tenantRoutes(app: App, { store }: SettlementContext): void {
  app.get(
    '/v1/balance',
    {
      schema: {
        security,
        response: {
          200: z.object({ organization: z.string(), available: money, held: money, debt: money }),
        },
      },
    },
    async (request) => {
      const organization = await organizationOf(request, store)
      const debt = await store.debt(organization)
      return { organization, ...(await store.balance(organization)), debt }
    },
  )
}
