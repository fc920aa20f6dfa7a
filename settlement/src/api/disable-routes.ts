import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { actionOf, recordAccess } from '../access/access-log.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'
import { operatorOf } from './auth.ts'

const security = [{ key: [] }]
const params = z.object({ organization: z.string().max(64) })
const state = z.object({ organization: z.string(), disabledAt: z.number().nullable() })

/** An operator shuts an organization, at once, and opens it again. */
export function disableRoutes(app: App, { store, now }: SettlementContext): void {
  /** Its members see it in their log, once they see that again. */
  const record = (request: FastifyRequest, organization: string) =>
    recordAccess(store, {
      ...actionOf(request),
      organization,
      actor: `operator:${operatorOf(request).id}`,
      outcome: 'ok',
      address: null,
      at: now(),
    })

  app.post(
    '/v1/admin/organizations/:organization/disable',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'From the next request on no key, no directory and nobody who is signed in acts for the organization, and no top-up is made by itself. Its open authorizations are revoked: providers take no new orders under them within seconds, and what they have served until then is paid.',
        params,
        response: { 200: state },
      },
    },
    async (request) => {
      const { organization } = request.params
      const disabledAt = await store.disableOrganization(organization, now())
      if (disabledAt === undefined) throw missing()
      await record(request, organization)
      return { organization, disabledAt }
    },
  )

  app.post(
    '/v1/admin/organizations/:organization/enable',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'Keys and members are as they were before. Authorizations stay revoked, and gateways ask for new ones; automatic top-ups stay off until their owner sets them again.',
        params,
        response: { 200: state },
      },
    },
    async (request) => {
      const { organization } = request.params
      if (!(await store.enableOrganization(organization))) throw missing()
      await record(request, organization)
      return { organization, disabledAt: null }
    },
  )
}

const missing = () => new SettlementError('HANSE_NOT_FOUND', 'no such organization')
