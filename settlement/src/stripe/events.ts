import type Stripe from 'stripe'
import { ask, each, fieldOf, on, pageMax, secondsOf, stringOf } from './call.ts'
import { paymentsErrorOf } from './payments-error-of.ts'

/** What Stripe tells us: by webhook, or asked for. */
export interface EventPayments {
  /** @throws {PaymentsError} `HANSE_STRIPE_SIGNATURE` when Stripe did not sign exactly these bytes lately. */
  verifyWebhook(rawBody: Buffer, signature: string): StripeEvent
  /** An event that was stored with its bytes after its signature was checked. @throws {TypeError} when it is none. */
  eventOf(rawBody: Buffer): StripeEvent
  /**
   * The v1 events that Stripe keeps (30 days), oldest first, without their webhooks: since a time,
   * or after an event that was seen. An event that Stripe no longer has is `HANSE_STRIPE_REFUSED`
   * with `stripeCode` `resource_missing`. With `account`, those of a connected account.
   */
  events(request: EventsSince & { readonly account?: string }): AsyncIterable<PolledEvent>
  /** The v2 events about providers' accounts, oldest first. */
  accountEvents(request: { readonly sinceMs: number }): AsyncIterable<PolledEvent>
}

export type EventsSince = { readonly sinceMs: number } | { readonly after: string }

/** An event with the bytes that `eventOf` reads again. */
export interface PolledEvent {
  readonly event: StripeEvent
  readonly rawBody: Buffer
}

/** A verified event. `id` is unique: store it in the transaction of its effect. */
export type StripeEvent =
  | {
      readonly kind: 'snapshot'
      readonly id: string
      readonly type: string
      /** The connected account it is about; absent for the platform's own. */
      readonly account: string | undefined
      readonly createdMs: number
      /** The object as it was then: fetch it again where order matters. */
      readonly object: { readonly id: string | undefined; readonly object: string | undefined }
    }
  | {
      readonly kind: 'thin'
      readonly id: string
      readonly type: string
      readonly createdMs: number
      /** What to fetch. */
      readonly related: { readonly id: string; readonly type: string } | undefined
    }

// Stripe's own default: docs.stripe.com/webhooks
const webhookToleranceS = 300
const thinEvent = 'v2.core.event'

export function eventPayments(
  stripe: Stripe,
  { webhookSecret, now }: { readonly webhookSecret: string; readonly now: () => number },
): EventPayments {
  /** The last event before a time, as a place to go on from; else the oldest that Stripe has. */
  const firstSince = async (sinceMs: number, options: Stripe.RequestOptions) => {
    const created = { lt: secondsOf(sinceMs) }
    const [event] = (await ask(() => stripe.events.list({ created, limit: 1 }, options))).data
    if (event !== undefined) return { event, before: true }
    let oldest: Stripe.Event | undefined
    // Lists begin with the newest: only the last page has it.
    for await (const found of each(stripe.events.list({ limit: pageMax }, options))) oldest = found
    return oldest && { event: oldest, before: false }
  }
  return {
    verifyWebhook(rawBody, signature) {
      const given = [rawBody, signature, webhookSecret, webhookToleranceS] as const
      try {
        // Both check the signature in the same way; each refuses the other's events.
        if (isThin(rawBody)) stripe.parseEventNotification(...given, undefined, now())
        else stripe.webhooks.constructEvent(...given, undefined, now())
      } catch (error) {
        throw paymentsErrorOf(error)
      }
      return eventOf(rawBody)
    },
    eventOf,
    async *events(request) {
      const { account } = request
      const first = 'after' in request ? undefined : await firstSince(request.sinceMs, on(account))
      if (first !== undefined && !first.before) yield polled(first.event, account)
      const after = 'after' in request ? request.after : first?.event.id
      if (after === undefined) return
      // The library walks back from the cursor, so this is already oldest first.
      const list = stripe.events.list({ ending_before: after, limit: pageMax }, on(account))
      for await (const event of each(list)) yield polled(event, account)
    },
    async *accountEvents({ sinceMs }) {
      const found: object[] = []
      for await (const event of each(stripe.v2.core.events.list({ limit: pageMax }))) {
        if (Date.parse(event.created) < sinceMs) break
        found.push(event)
      }
      for (const event of found.toReversed()) yield polled(event, undefined)
    },
  }
}

/** Asked for with an account's header, Stripe need not repeat whose event it is. */
function polled(event: object, account: string | undefined): PolledEvent {
  const rawBody = Buffer.from(
    JSON.stringify({ ...(account !== undefined && { account }), ...event }),
  )
  return { event: eventOf(rawBody), rawBody }
}

function eventOf(rawBody: Buffer): StripeEvent {
  const event: unknown = JSON.parse(rawBody.toString('utf8'))
  const id = stringOf(event, 'id')
  const type = stringOf(event, 'type')
  const created = fieldOf(event, 'created')
  if (id === undefined || type === undefined) throw new TypeError('Stripe: not an event')
  if (stringOf(event, 'object') === thinEvent) {
    const related = fieldOf(event, 'related_object')
    return {
      kind: 'thin',
      id,
      type,
      createdMs: Date.parse(String(created)),
      related: relatedOf(stringOf(related, 'id'), stringOf(related, 'type')),
    }
  }
  const object = fieldOf(fieldOf(event, 'data'), 'object')
  return {
    kind: 'snapshot',
    id,
    type,
    account: stringOf(event, 'account'),
    createdMs: Number(created) * 1_000,
    object: { id: stringOf(object, 'id'), object: stringOf(object, 'object') },
  }
}

function relatedOf(id: string | undefined, type: string | undefined) {
  return id === undefined || type === undefined ? undefined : { id, type }
}

/** A look before the signature is checked: it only chooses which of Stripe's parsers checks it. */
function isThin(rawBody: Buffer): boolean {
  try {
    return stringOf(JSON.parse(rawBody.toString('utf8')), 'object') === thinEvent
  } catch {
    return false
  }
}
