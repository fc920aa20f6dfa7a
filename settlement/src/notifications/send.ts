import type { SettlementContext } from '../context.ts'
import type { ClaimedDelivery } from './delivery-store.ts'
import { linkOf } from './links.ts'
import { mailMessage } from './mail-message.ts'
import { MailError } from './mailer.ts'
import { type Answer, type Outpost, PostError, post } from './post.ts'
import { slackMessage } from './slack-message.ts'
import { webhookBody, webhookHeaders } from './webhook-message.ts'

/** What came of sending a message once. */
export type Sent =
  | { readonly kind: 'delivered'; readonly status: number | null }
  | {
      readonly kind: 'failed'
      /** For the owner of the channel: no address, no secret, nothing of what was answered. */
      readonly failure: string
      readonly status: number | null
      readonly retryAfterMs?: number
      /** `never`: another try of this message comes to the same; `gone`: so does any other message. */
      readonly again: 'later' | 'never' | 'gone'
    }

export type Message = Pick<ClaimedDelivery, 'id' | 'channel' | 'events'>

/** Sends one message over its channel. Never throws for what the other side does. */
export async function send(
  context: SettlementContext,
  outpost: Outpost,
  message: Message,
): Promise<Sent> {
  switch (message.channel.kind) {
    case 'email':
      return sendMail(context, message)
    case 'webhook': {
      const body = JSON.stringify(webhookBody(message))
      const { target } = message.channel
      return sendJson(
        message,
        webhookHeaders(message.id, body, target, context.now()),
        body,
        outpost,
      )
    }
    case 'slack':
      return sendJson(message, {}, JSON.stringify(slackMessage(message)), outpost)
  }
}

async function sendMail(context: SettlementContext, message: Message): Promise<Sent> {
  const { mailer } = context
  if (mailer === undefined) return failed('this service sends no mail', 'later')
  const { id, target } = message.channel
  const unsubscribe = linkOf(context, id, target.secret, 'unsubscribe')
  try {
    await mailer.send(mailMessage(message, target.address, { unsubscribe }))
    return { kind: 'delivered', status: null }
  } catch (error) {
    if (!(error instanceof MailError)) throw error
    return failed(error.message, error.temporary ? 'later' : 'never')
  }
}

async function sendJson(
  { channel }: Message,
  headers: Record<string, string>,
  body: string,
  outpost: Outpost,
): Promise<Sent> {
  try {
    return outcomeOf(await post(channel.target.address, headers, body, outpost))
  } catch (error) {
    if (!(error instanceof PostError)) throw error
    return failed(error.message, error.isFinal ? 'never' : 'later')
  }
}

/** Any 2xx is a yes; 410 asks for silence, says Standard Webhooks. */
function outcomeOf({ status, retryAfterMs }: Answer): Sent {
  if (status >= 200 && status < 300) return { kind: 'delivered', status }
  const again = status === 410 ? 'gone' : 'later'
  return {
    ...failed(`the receiver answered ${status}`, again),
    status,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  }
}

const failed = (failure: string, again: 'later' | 'never' | 'gone') =>
  ({ kind: 'failed', failure, status: null, again }) as const
