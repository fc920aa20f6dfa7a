import { Webhook } from 'standardwebhooks'
import type { Target } from './channel.ts'
import type { ClaimedDelivery } from './delivery-store.ts'
import type { StoredEvent } from './event.ts'
import { titleOf } from './event-text.ts'

/** What goes over the wire: see the guide on notifications. */
export interface WebhookBody {
  /** The event's kind; `digest` where there are several. */
  readonly type: string
  /** RFC 3339: when it happened; of a digest, the last. */
  readonly timestamp: string
  readonly data: object
}

/** The same for each try, as the id is. */
export function webhookBody({ events }: Pick<ClaimedDelivery, 'events'>): WebhookBody {
  const last = events.at(-1)
  const timestamp = new Date(last?.at ?? 0).toISOString()
  return events.length === 1 && last !== undefined
    ? { type: last.kind, timestamp, data: eventData(last) }
    : { type: 'digest', timestamp, data: { events: events.map(eventData) } }
}

/** Headers of Standard Webhooks; two signatures while a secret is being changed. @param now milliseconds since 1970 */
export function webhookHeaders(
  id: string,
  body: string,
  { secret, formerSecret, formerUntil = 0 }: Target,
  now: number,
): Record<string, string> {
  const secrets = [
    secret,
    ...(formerSecret !== undefined && formerUntil > now ? [formerSecret] : []),
  ]
  const at = new Date(now)
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now / 1000)),
    'webhook-signature': secrets.map((one) => new Webhook(one).sign(id, at, body)).join(' '),
  }
}

const eventData = ({ id, organization, kind, severity, subject, facts, at }: StoredEvent) => ({
  id: id.toString(),
  organization,
  kind,
  severity,
  subject,
  title: titleOf({ kind, subject }),
  facts,
  at: new Date(at).toISOString(),
})
