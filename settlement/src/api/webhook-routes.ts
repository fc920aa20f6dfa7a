import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { refreshProvider } from '../providers/provider-account.ts'
import type { StripeEvent } from '../stripe/index.ts'
import { outcomeOf } from '../top-ups/top-up.ts'
import type { App } from './app.ts'

/** Stripe's events are a few kilobytes; an object inside may be larger. */
const EVENT_BYTES_MAX = 256 * 1024

/** Stripe's deliveries, in a scope of their own: the signature is over the raw bytes. */
export function webhookRoutes(app: App, context: SettlementContext): void {
  app.register(async (plain) => {
    const scope = plain as unknown as App
    scope.removeContentTypeParser('application/json')
    scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    )
    scope.post(
      '/v1/stripe/webhook',
      {
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
        return { received: true, fresh: await take(context, event, request.body) }
      },
    )
  })
}

/** What Stripe says now is fetched before the transaction; the event and its effect are one transaction. */
async function take(
  context: SettlementContext,
  event: StripeEvent,
  body: Buffer,
): Promise<boolean> {
  const outcome = await outcomeOf(context, event)
  await refreshAccount(context, event)
  return context.store.takeStripeEvent(
    { id: event.id, type: event.type, body: Uint8Array.from(body), at: context.now() },
    outcome,
  )
}

/** Any news of an account is a reason to ask how it is: setting it twice changes nothing. */
async function refreshAccount(context: SettlementContext, event: StripeEvent): Promise<void> {
  const account = event.kind === 'thin' ? event.related?.id : event.account
  if (account === undefined) return
  const provider = await context.store.providerByAccount(account)
  if (provider !== undefined) await refreshProvider(context, provider.peerId)
}
