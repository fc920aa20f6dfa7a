import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import type { Subscription, SubscriptionTerms } from '../notifications/subscription.ts'
import type { App } from './app.ts'
import {
  idParams,
  newSubscriptionBody,
  subscriptionBody,
  subscriptionSchema,
} from './notification-schemas.ts'
import { MINUTE_MS, type Side, security } from './notification-side.ts'

/** What channels are told of, and when. */
export function subscriptionRoutes(app: App, { store, now }: SettlementContext, side: Side): void {
  const { prefix, access, who } = side

  app.get(
    `${prefix}/subscriptions`,
    {
      config: access('alerts:read'),
      schema: {
        security,
        description: 'What each channel is told of, and when',
        response: { 200: z.object({ subscriptions: z.array(subscriptionSchema) }) },
      },
    },
    async (request) => ({
      subscriptions: (await store.subscriptions(who(request).owner)).map(toJson),
    }),
  )

  app.post(
    `${prefix}/subscriptions`,
    {
      config: access('alerts:write'),
      schema: {
        security,
        description:
          'Tells a channel of events: kinds (none is all), least severity, at once or in a digest, quiet hours in a time zone',
        body: newSubscriptionBody,
        response: { 201: subscriptionSchema },
      },
    },
    async (request, reply) => {
      const { owner } = who(request)
      const { channel, ...body } = request.body
      const id = `sub_${randomUUID()}`
      const added = { id, channel, owner, at: now(), ...termsOf(body) }
      return reply.code(201).send(toJson(await store.addSubscription(added)))
    },
  )

  app.put(
    `${prefix}/subscriptions/:id`,
    {
      config: access('alerts:write'),
      schema: {
        security,
        description: 'Sets all terms of a subscription',
        params: idParams,
        body: subscriptionBody,
        response: { 200: subscriptionSchema },
      },
    },
    async (request) => {
      const { owner } = who(request)
      return toJson(await store.setSubscription(request.params.id, owner, termsOf(request.body)))
    },
  )

  app.delete(
    `${prefix}/subscriptions/:id`,
    {
      config: access('alerts:write'),
      schema: {
        security,
        description: 'Tells a channel no more of these events',
        params: idParams,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { owner } = who(request)
      await store.removeSubscription(request.params.id, owner)
      return reply.code(204).send(null)
    },
  )
}

const termsOf = ({
  repeatMinutes,
  ...terms
}: z.output<typeof subscriptionBody>): SubscriptionTerms => ({
  ...terms,
  repeatMs: repeatMinutes * MINUTE_MS,
})

const toJson = ({ repeatMs, kinds, ...subscription }: Subscription) => ({
  ...subscription,
  kinds: [...kinds],
  repeatMinutes: repeatMs / MINUTE_MS,
})
