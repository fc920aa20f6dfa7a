import { z } from 'zod'
import { PLATFORM_POWERS, PLATFORM_ROLES, platformPowers } from '../access/roles.ts'
import type { SettlementContext } from '../context.ts'
import { linkOperator, unlinkOperator } from '../operators/link-operator.ts'
import { emailAddress } from '../people/person.ts'
import type { App } from './app.ts'
import { operatorOf } from './auth.ts'
import { rootOf } from './operator-routes.ts'

const security = [{ key: [] }]
const one = z.object({ operator: z.string().max(64) })

/** Operators who sign in as people: who they are, and who lets them. */
export function operatorSessionRoutes(app: App, { store, now }: SettlementContext): void {
  app.get(
    '/v1/operator',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'As which operator one acts, by a token or a session, and what the role may do: `look`, `look-at-money` (decisions on money), `act` (change anything)',
        response: {
          200: z.object({
            operator: z.string(),
            name: z.string(),
            role: z.enum(PLATFORM_ROLES),
            may: z.array(z.enum(PLATFORM_POWERS)),
          }),
        },
      },
    },
    async (request, reply) => {
      const { id, name, role } = operatorOf(request)
      reply.header('cache-control', 'no-store')
      return { operator: id, name, role, may: platformPowers(role) }
    },
  )

  app.put(
    '/v1/admin/operators/:operator/person',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'Lets a person, who has a second factor, sign in as this operator. The two are a pair for good. Root only.',
        params: one,
        body: z.strictObject({ email: emailAddress }),
        response: { 200: z.object({ operator: z.string(), person: z.string() }) },
      },
    },
    (request) => {
      const by = rootOf(operatorOf(request)).id
      return linkOperator(store, { ...request.params, ...request.body, by }, now())
    },
  )

  app.delete(
    '/v1/admin/operators/:operator/person',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description: 'From now on nobody signs in as this operator; the token stays. Root only.',
        params: one,
        response: { 200: z.object({ operator: z.string() }) },
      },
    },
    (request) => {
      const by = rootOf(operatorOf(request)).id
      return unlinkOperator(store, { ...request.params, by }, now())
    },
  )
}
