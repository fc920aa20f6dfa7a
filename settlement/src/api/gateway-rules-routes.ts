import { RULES_LIMITS } from '@hanse/protocol'
import { z } from 'zod'
import { RulesWatch } from '../budgets/rules-watch.ts'
import type { SettlementContext } from '../context.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { money, peerId } from './schemas.ts'

const security = [{ key: [] }]
/** Below the half minute after which proxies and clients give up. */
const WAIT_MS_MAX = 25_000

/** What gateways are ruled by, and what they say of it. */
export function gatewayRulesRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context
  const watch = new RulesWatch(store)
  // Whoever waits is answered before the service waits for its last requests.
  app.addHook('preClose', async () => watch.stop())
  app.addHook('onClose', async () => watch[Symbol.asyncDispose]())

  app.get(
    '/v1/gateway-rules',
    {
      config: { permission: 'spend' },
      schema: {
        security,
        description:
          'Budgets, teams and the policy in one document. With `after`, the revision that one has, it waits for another one, for `waitMs` at most, and answers 304 when there is none. A change wakes whoever waits within a second.',
        querystring: z.strictObject({
          after: z
            .string()
            .regex(/^\d{1,18}$/u)
            .optional(),
          waitMs: z.coerce.number().int().min(0).max(WAIT_MS_MAX).default(0),
        }),
      },
    },
    async (request, reply) => {
      const { organization } = principal(request)
      const { after, waitMs } = request.query
      if (after !== undefined && waitMs > 0) {
        const gone = new AbortController()
        reply.raw.once('close', () => gone.abort())
        await watch.changed(organization, after, waitMs, gone.signal)
      }
      const rules = await store.gatewayRules(organization, now())
      const tag = `"${rules.revision}"`
      reply.header('etag', tag).header('cache-control', 'private, no-cache')
      const isKnown = rules.revision === after || request.headers['if-none-match'] === tag
      return isKnown ? reply.code(304).send() : rules
    },
  )

  app.post(
    '/v1/gateway-rules/spend',
    {
      config: { permission: 'spend' },
      schema: {
        security,
        description:
          'What a gateway counted for budgets that only it can count: of keys, tags, teams and models. The last word for a window counts.',
        body: z.strictObject({
          gateway: peerId,
          budgets: z
            .array(
              z.strictObject({
                budget: z.string().max(64),
                from: z.int().min(0),
                spent: money,
                held: money,
              }),
            )
            .max(RULES_LIMITS.budgets),
        }),
        response: { 200: z.object({ kept: z.number() }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { gateway, budgets } = request.body
      return { kept: await store.reportBudgets(organization, gateway, budgets, now()) }
    },
  )
}
