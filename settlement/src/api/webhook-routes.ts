import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { takeEvent } from '../stripe-events/take-event.ts'
import type { App } from './app.ts'
import { takeRawJson } from './raw-json.ts'

/** Stripe's events are a few kilobytes; an object inside may be larger. */
const EVENT_BYTES_MAX = 256 * 1024

/** Stripe's deliveries, in a scope of their own: the signature is over the raw bytes. */
export function webhookRoutes(app: App, context: SettlementContext): void {
  app.register(async (plain) => {
    const scope = plain as unknown as App
    takeRawJson(scope, EVENT_BYTES_MAX)
    scope.post(
      '/v1/stripe/webhook',
      {
        config: { access: 'signed' },
        bodyLimit: EVENT_BYTES_MAX,
        schema: { response: { 200: z.object({ received: z.boolean(), fresh: z.boolean() }) } },
      },
      async (request) => {
        if (!Buffer.isBuffer(request.body)) {
          throw new SettlementError('HANSE_MEDIA_TYPE', 'send application/json')
        }
        const signature = request.headers['stripe-signature']
        const event = context.payments.verifyWebhook(
          request.body,
          typeof signature === 'string' ? signature : '',
        )
        return { received: true, fresh: await takeEvent(context, event, request.body) }
      },
    )
  })
}
