import type Stripe from 'stripe'
import { z } from 'zod'
import { invalidRequest, resourceMissing } from './fault.ts'
import { operation } from './operation.ts'
import { createdWithin, pageOf } from './pages.ts'
import { created, expand, id, metadata, page, text } from './params.ts'
import type { ThinEvent } from './state.ts'

export const retrieveEvent = operation({
  name: 'Events.retrieve',
  method: 'GET',
  path: '/v1/events/:id',
  params: z.strictObject({ expand }),
  run(_params, { state, ids: [eventId = ''] }): Stripe.Event {
    const event = state.events.get(eventId)
    if (event === undefined) throw resourceMissing('event', eventId)
    return event
  },
})

export const listEvents = operation({
  name: 'Events.list',
  method: 'GET',
  path: '/v1/events',
  params: z.strictObject({
    ...page,
    created: created.optional(),
    type: id.optional(),
    types: z.array(id).max(20).optional(),
  }),
  run(params, { state }) {
    const types = params.types ?? (params.type === undefined ? undefined : [params.type])
    const found = [...state.events.values()].filter(
      (event) =>
        createdWithin(event.created, params.created) &&
        (types === undefined || types.includes(event.type)),
    )
    return pageOf('/v1/events', found, params)
  },
})

export const retrieveThinEvent = operation({
  name: 'V2.Core.Events.retrieve',
  method: 'GET',
  path: '/v2/core/events/:id',
  params: z.strictObject({}),
  run(_params, { state, ids: [eventId = ''] }): ThinEvent {
    const event = state.thinEvents.get(eventId)
    if (event === undefined) throw resourceMissing('event', eventId)
    return event
  },
})

// Stripe allows 16 test endpoints: docs.stripe.com/webhooks.
export const webhookEndpointsMax = 16

export const createWebhookEndpoint = operation({
  name: 'WebhookEndpoints.create',
  method: 'POST',
  path: '/v1/webhook_endpoints',
  params: z.strictObject({
    url: z.url({ protocol: /^https?$/ }).max(2_048),
    enabled_events: z.array(id).min(1).max(400),
    description: text.optional(),
    expand,
    metadata,
  }),
  run(params, context): Stripe.WebhookEndpoint {
    const { state } = context
    if (state.webhookEndpoints.size >= webhookEndpointsMax) {
      throw invalidRequest(`At most ${webhookEndpointsMax} webhook endpoints.`)
    }
    const endpoint: Stripe.WebhookEndpoint = {
      id: context.newId('we'),
      object: 'webhook_endpoint',
      api_version: null,
      application: null,
      created: context.nowS,
      description: params.description ?? null,
      enabled_events: params.enabled_events,
      livemode: false,
      metadata: params.metadata,
      status: 'enabled',
      url: params.url,
    }
    const secret = context.newId('whsec')
    state.webhookEndpoints.set(endpoint.id, { endpoint, secret })
    // The secret is shown in this answer only.
    return { ...endpoint, secret }
  },
})
