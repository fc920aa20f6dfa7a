import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { providerOf } from './provider-auth.ts'
import { takeRawJson } from './raw-json.ts'

/** An id and its braces. */
const BODY_BYTES_MAX = 1024
const bodySchema = z.strictObject({ organization: z.string().max(64) })

/** Which nodes spend an organization's money: both sides say so, the organization with its key and the node with its own. */
export function consumerRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context
  app.register(async (scope) => {
    const routes = scope as unknown as App
    takeRawJson(routes, BODY_BYTES_MAX)

    routes.post(
      '/v1/consumers',
      {
        config: { permission: 'spend' },
        schema: {
          description:
            'Lets a node spend the organization’s money. JSON of {"organization"}, signed by the node (RFC 9421), so that nobody binds a node that is not theirs.',
          security: [{ key: [] }],
          response: { 200: z.object({ organization: z.string(), consumer: z.string() }) },
        },
      },
      async (request) => {
        const { organization } = principal(request)
        const consumer = providerOf(request, context)
        if (named(request.body) !== organization) {
          throw new SettlementError('HANSE_FORBIDDEN', 'the node signed for another organization')
        }
        await store.bindConsumers(organization, [consumer], now())
        return { organization, consumer }
      },
    )
  })
}

/** @throws {SettlementError} HANSE_REQUEST_INVALID; {SyntaxError} what is not JSON */
function named(body: unknown): string {
  const parsed = bodySchema.safeParse(JSON.parse(String(body)))
  if (parsed.success) return parsed.data.organization
  throw new SettlementError('HANSE_REQUEST_INVALID', 'send {"organization"}')
}
