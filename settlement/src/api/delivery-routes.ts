import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { titleOf } from '../notifications/event-text.ts'
import type { App } from './app.ts'
import {
  deliveriesQuery,
  deliveriesSchema,
  eventsQuery,
  eventsSchema,
  whichBody,
} from './notification-schemas.ts'
import { type Side, security } from './notification-side.ts'

/** What has happened, and what became of telling it. */
export function deliveryRoutes(app: App, { store, now }: SettlementContext, side: Side): void {
  const { prefix, access, who } = side

  app.get(
    `${prefix}/events`,
    {
      config: access('alerts:read'),
      schema: {
        security,
        description: 'What has happened, newest first, whether somebody was told or not',
        querystring: eventsQuery,
        response: { 200: eventsSchema },
      },
    },
    async (request) => {
      const { owner } = who(request)
      const { after, kind, limit } = request.query
      const found = await store.events({
        owner,
        limit,
        ...(after !== undefined && { before: after }),
        ...(kind !== undefined && { kind }),
      })
      const events = found.map((event) => ({ ...event, title: titleOf(event) }))
      return {
        events,
        next: (events.length < limit ? null : events.at(-1)?.id)?.toString() ?? null,
      }
    },
  )

  app.get(
    `${prefix}/deliveries`,
    {
      config: access('alerts:read'),
      schema: {
        security,
        description: 'Messages and what became of them, newest first; `dead` are given up',
        querystring: deliveriesQuery,
        response: { 200: deliveriesSchema },
      },
    },
    async (request) => {
      const { owner } = who(request)
      const { after, state, channel, limit } = request.query
      const deliveries = await store.deliveries({
        owner,
        limit,
        ...(after !== undefined && { after }),
        ...(state !== undefined && { state }),
        ...(channel !== undefined && { channel }),
      })
      return {
        deliveries: deliveries.map((one) => ({ ...one, events: [...one.events] })),
        next: deliveries.length < limit ? null : (deliveries.at(-1)?.id ?? null),
      }
    },
  )

  const choose = (request: FastifyRequest<{ Body: z.output<typeof whichBody> }>) => {
    const { owner } = who(request)
    const { id, channel } = request.body
    const which = { ...(id !== undefined && { id }), ...(channel !== undefined && { channel }) }
    return { owner, which }
  }
  app.post(
    `${prefix}/deliveries/replay`,
    {
      config: access('alerts:write'),
      schema: {
        security,
        description:
          'Sends once more what was given up, under its old id: one message, those of a channel, or all',
        body: whichBody,
        response: { 200: z.object({ replayed: z.number() }) },
      },
    },
    async (request) => {
      const { owner, which } = choose(request)
      return { replayed: await store.replayDeliveries(owner, which, now()) }
    },
  )

  app.post(
    `${prefix}/deliveries/purge`,
    {
      config: access('alerts:write'),
      schema: {
        security,
        description: 'Forgets what was given up: one message, those of a channel, or all',
        body: whichBody,
        response: { 200: z.object({ purged: z.number() }) },
      },
    },
    async (request) => {
      const { owner, which } = choose(request)
      return { purged: await store.purgeDeliveries(owner, which) }
    },
  )
}
