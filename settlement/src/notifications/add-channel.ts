import { randomUUID } from 'node:crypto'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { Channel, ChannelKind, OpenChannel } from './channel.ts'
import { isToken, type LinkPurpose, newSecret, readToken } from './channel-secret.ts'
import { READER_STOPPED } from './disable-channel.ts'
import { linkOf } from './links.ts'
import { isMailAddress } from './mail-address.ts'
import { confirmationMail } from './mail-message.ts'
import { MailError } from './mailer.ts'
import type { Owner } from './owner.ts'
import { checkedUrl, PostError } from './post.ts'

export interface ChannelRequest {
  readonly kind: ChannelKind
  readonly name: string
  readonly address: string
  readonly hourlyMax: number
  /** Who asks, for the record. */
  readonly by: string
}

/** Nobody's mailbox is filled with questions. */
const ASK_EVERY_MS = 10 * 60_000

/**
 * Adds a channel. A mailbox is asked first; a webhook's secret is told here and never again.
 *
 * @throws {SettlementError} HANSE_CHANNEL_ADDRESS, HANSE_CHANNEL_LIMIT, HANSE_MAIL_UNAVAILABLE
 */
export async function addChannel(
  context: SettlementContext,
  owner: Owner,
  { address, ...given }: ChannelRequest,
): Promise<{ channel: Channel; secret: string | null }> {
  checkAddress(context, given.kind, address)
  const target = { address, secret: newSecret() }
  const id = `ch_${randomUUID()}`
  const channel = await context.store.addChannel({
    ...given,
    id,
    owner,
    target,
    at: context.now(),
  })
  if (channel.kind === 'email') await askMailbox(context, { ...channel, owner, target })
  return { channel, secret: channel.kind === 'webhook' ? target.secret : null }
}

/**
 * Sends the link that agrees, again when it was long ago.
 *
 * @throws {SettlementError} HANSE_MAIL_UNAVAILABLE, HANSE_RATE_LIMITED
 */
export async function askMailbox(context: SettlementContext, channel: OpenChannel): Promise<void> {
  const { id, name, target } = channel
  const { mailer, store, now } = context
  if (mailer === undefined) throw noMail()
  if (!(await store.mayAsk(id, now(), ASK_EVERY_MS))) {
    throw new SettlementError('HANSE_RATE_LIMITED', 'the mailbox was asked a moment ago')
  }
  try {
    const link = linkOf(context, id, target.secret, 'confirm')
    await mailer.send(confirmationMail(target.address, name, link))
  } catch (error) {
    if (error instanceof MailError) throw noMail(error)
    throw error
  }
}

/** Does what a link in a mail is for. @throws {SettlementError} HANSE_LINK_INVALID */
export async function followLink(
  { store, now }: SettlementContext,
  purpose: LinkPurpose,
  token: string,
): Promise<void> {
  const claimed = readToken(token)
  const channel = claimed && (await store.openChannel(claimed.channel))
  if (channel === undefined || !isToken(token, channel.target.secret, purpose, now())) {
    throw new SettlementError('HANSE_LINK_INVALID', 'the link is wrong or too old')
  }
  if (purpose === 'unsubscribe') {
    await store.disableChannel(channel.id, READER_STOPPED, now())
  } else if (!(await store.confirmChannel(channel.id, now()))) {
    throw new SettlementError('HANSE_LINK_INVALID', 'the channel was switched off')
  }
}

function checkAddress(context: SettlementContext, kind: ChannelKind, address: string): void {
  if (kind === 'email') {
    if (!isMailAddress(address)) {
      throw new SettlementError('HANSE_CHANNEL_ADDRESS', 'this is no mail address')
    }
    if (context.mailer === undefined) throw noMail()
    return
  }
  try {
    checkedUrl(address, context.outpost ?? { privateNetworks: false })
  } catch (error) {
    if (!(error instanceof PostError)) throw error
    throw new SettlementError('HANSE_CHANNEL_ADDRESS', error.message, { cause: error })
  }
}

const noMail = (cause?: unknown) =>
  new SettlementError('HANSE_MAIL_UNAVAILABLE', 'no mail can be sent now', { cause })
