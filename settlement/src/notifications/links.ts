import type { SettlementContext } from '../context.ts'
import { type LinkPurpose, linkToken } from './channel-secret.ts'

const DAY_MS = 86_400_000
/** A question is answered in days; a mail is kept, and whoever finds it in a year may still say stop. */
const LASTS_MS: Readonly<Record<LinkPurpose, number>> = {
  confirm: 3 * DAY_MS,
  unsubscribe: 400 * DAY_MS,
}

/** The address of a page for whoever reads a mailbox. */
export function linkOf(
  { publicUrl, now }: Pick<SettlementContext, 'publicUrl' | 'now'>,
  channel: string,
  secret: string,
  purpose: LinkPurpose,
): string {
  const token = linkToken(channel, secret, purpose, now() + LASTS_MS[purpose])
  return `${publicUrl()}/v1/channels/${purpose}?token=${token}`
}
