import { z } from 'zod'
import { PLATFORM_ROLES } from '../access/roles.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { makeOperator } from '../operators/make-operator.ts'
import { type Operator, ROOT } from '../operators/operator.ts'
import type { App } from './app.ts'
import { operatorOf } from './auth.ts'
import { money } from './schemas.ts'

const security = [{ key: [] }]
const PAGE_MAX = 500

const operatorSchema = z.object({
  id: z.string(),
  name: z.string(),
  prefix: z.string(),
  role: z.enum(PLATFORM_ROLES),
  createdBy: z.string(),
  createdAt: z.number(),
  revokedBy: z.string().nullable(),
  revokedAt: z.number().nullable(),
  /** Who signs in as this operator. */
  person: z.object({ id: z.string(), email: z.string() }).nullable(),
})

const actionSchema = z.object({
  id: money,
  operator: z.string(),
  action: z.string(),
  path: z.string(),
  at: z.number(),
})

/** Who may act for the platform, and who did what. Only the root token makes and unmakes operators. */
export function operatorRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context

  app.post(
    '/v1/admin/operators',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'An `operator` may do everything; `support` and `platform-auditor` only look, `support` not into decisions on money',
        body: z.strictObject({
          name: z.string().trim().min(1).max(100),
          role: z.enum(PLATFORM_ROLES).default('operator'),
        }),
        response: {
          200: z.object({ operator: z.string(), name: z.string(), token: z.string() }),
        },
      },
    },
    async (request) => {
      const by = rootOf(operatorOf(request))
      return makeOperator(store, { ...request.body, by: by.id }, now())
    },
  )

  app.get(
    '/v1/admin/operators',
    {
      config: { access: 'operator' },
      schema: { security, response: { 200: z.object({ operators: z.array(operatorSchema) }) } },
    },
    async () => ({ operators: await store.operators() }),
  )

  app.delete(
    '/v1/admin/operators/:operator',
    {
      config: { access: 'operator' },
      schema: {
        security,
        params: z.object({ operator: z.string().max(64) }),
        response: { 200: z.object({ operator: z.string() }) },
      },
    },
    async (request) => {
      const by = rootOf(operatorOf(request))
      const { operator } = request.params
      const found = await store.revokeOperator(operator, by.id, now())
      if (!found) throw new SettlementError('HANSE_NOT_FOUND', `no operator ${operator}`)
      return { operator }
    },
  )

  app.get(
    '/v1/admin/operator-actions',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description: 'What operators did, newest first; reading is not written down',
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(100),
          before: z
            .string()
            .regex(/^\d{1,18}$/u)
            .transform(BigInt)
            .optional(),
          operator: z.string().max(64).optional(),
        }),
        response: {
          200: z.object({ actions: z.array(actionSchema), next: z.string().nullable() }),
        },
      },
    },
    async ({ query: { limit, before, operator } }) => {
      const actions = await store.operatorActions({
        limit,
        ...(before !== undefined && { before }),
        ...(operator !== undefined && { operator }),
      })
      const last = actions.length < limit ? undefined : actions.at(-1)
      return { actions, next: last?.id.toString() ?? null }
    },
  )
}

/** @throws {SettlementError} HANSE_FORBIDDEN */
export function rootOf(operator: Operator): Operator {
  if (operator.id === ROOT.id) return operator
  throw new SettlementError('HANSE_FORBIDDEN', 'only the root token makes and unmakes operators')
}
