import qs from 'qs'
import type Stripe from 'stripe'
import { z } from 'zod'
import { invalidRequest, resourceMissing } from './fault.ts'
import { type Context, operation } from './operation.ts'
import { createdWithin, pageOf } from './pages.ts'
import { boolean, created, expand, id, integer, metadata, page, text } from './params.ts'
import { platform, type ThinEvent } from './state.ts'

export const retrieveEvent = operation({
  name: 'Events.retrieve',
  method: 'GET',
  path: '/v1/events/:id',
  params: z.strictObject({ expand }),
  run(_params, context): Stripe.Event {
    const [eventId = ''] = context.ids
    const event = context.state.events.get(eventId)
    if (event === undefined || !isKept(event, context)) throw resourceMissing('event', eventId)
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
  run(params, context) {
    const types = params.types ?? (params.type === undefined ? undefined : [params.type])
    const found = [...context.state.events.values()].filter(
      (event) =>
        isKept(event, context) &&
        createdWithin(event.created, params.created) &&
        (types === undefined || types.some((type) => named(type, event.type))),
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

export const listThinEvents = operation({
  name: 'V2.Core.Events.list',
  method: 'GET',
  path: '/v2/core/events',
  params: z.strictObject({
    limit: integer.pipe(z.int().min(1).max(100)).default(20),
    object_id: id.optional(),
    types: z.array(id).max(20).optional(),
    // The token of `next_page_url`.
    page: id.optional(),
  }),
  run({ limit, object_id: object, types, page: token }, context) {
    const newestFirst = [...context.state.thinEvents.values()]
      .filter(
        (event) =>
          Date.parse(event.created) > context.nowMs - keptMs &&
          (object === undefined || event.related_object.id === object) &&
          (types === undefined || types.includes(event.type)),
      )
      .reverse()
    const from = token === undefined ? 0 : newestFirst.findIndex((it) => it.id === token) + 1
    const data = newestFirst.slice(from, from + limit)
    const last = data.at(-1)
    const more = last !== undefined && from + data.length < newestFirst.length
    return {
      data,
      next_page_url: more ? nextUrl({ limit, object_id: object, types, page: last.id }) : null,
      previous_page_url: null,
    }
  },
})

function nextUrl(query: Readonly<Record<string, unknown>>): string {
  return `/v2/core/events?${qs.stringify(query, { encodeValuesOnly: true })}`
}

/** Stripe shows events of its last 30 days: docs.stripe.com/api/events. */
export const keptMs = 30 * 86_400_000

export function forgetEvents({ state, nowMs }: Context): void {
  const old = (createdMs: number): boolean => createdMs <= nowMs - keptMs
  for (const [eventId, { created }] of state.events) {
    if (!old(created * 1_000)) break
    state.events.delete(eventId)
  }
  for (const [eventId, { created }] of state.thinEvents) {
    if (!old(Date.parse(created))) break
    state.thinEvents.delete(eventId)
  }
}

/** The account's own, and not too old. */
function isKept(event: Stripe.Event, { account, nowMs }: Context): boolean {
  return (event.account ?? platform) === account && event.created * 1_000 > nowMs - keptMs
}

/** `charge.*` names all of a kind. */
function named(wanted: string, type: string): boolean {
  return wanted.endsWith('.*') ? type.startsWith(wanted.slice(0, -1)) : wanted === type
}

// Stripe allows 16 test endpoints: docs.stripe.com/webhooks.
export const webhookEndpointsMax = 16

export const createWebhookEndpoint = operation({
  name: 'WebhookEndpoints.create',
  method: 'POST',
  path: '/v1/webhook_endpoints',
  params: z.strictObject({
    url: z.url({ protocol: /^https?$/ }).max(2_048),
    connect: boolean.default(false),
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
    state.webhookEndpoints.set(endpoint.id, { endpoint, secret, connect: params.connect })
    // The secret is shown in this answer only.
    return { ...endpoint, secret }
  },
})
