import type { ClaimedDelivery } from './delivery-store.ts'
import type { StoredEvent } from './event.ts'
import { factLines, headline, timeText, titleOf } from './event-text.ts'
import type { Mail } from './mailer.ts'

export interface MailLinks {
  /** Ends these mails. */
  readonly unsubscribe: string
}

export function mailMessage(
  { id, events }: Pick<ClaimedDelivery, 'id' | 'events'>,
  to: string,
  { unsubscribe }: MailLinks,
): Mail {
  return {
    id,
    to,
    subject: headline(events),
    text: `${events.map(eventText).join('\n\n')}\n\n--\nNo more of these mails: ${unsubscribe}\n`,
    html: page(
      `${events.map(eventHtml).join('')}<hr><p><a href="${escaped(unsubscribe)}">No more of these mails</a></p>`,
    ),
    // One click is a POST, which must be as private as the link.
    ...(unsubscribe.startsWith('https:') && { unsubscribeUrl: unsubscribe }),
  }
}

/** Asks whoever reads a mailbox whether they want to be told. */
export function confirmationMail(to: string, channel: string, link: string): Mail {
  const sentence = `Somebody wants this mailbox to receive notifications, under the name “${oneLine(channel)}”.`
  const rest = 'If you do not, there is nothing to do: nothing more is sent.'
  return {
    to,
    subject: 'Do you want notifications here?',
    text: `${sentence}\n\nIf you want them: ${link}\n\n${rest}\n`,
    html: page(
      `<p>${escaped(sentence)}</p><p><a href="${escaped(link)}">I want them</a></p><p>${escaped(rest)}</p>`,
    ),
  }
}

const eventText = (event: StoredEvent): string =>
  [titleOf(event), ...factLines(event).map((line) => `  ${line}`), `  ${timeText(event.at)}`].join(
    '\n',
  )

const eventHtml = (event: StoredEvent): string =>
  `<h2>${escaped(titleOf(event))}</h2><p>${[...factLines(event), timeText(event.at)].map(escaped).join('<br>')}</p>`

const page = (body: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><body>${body}</body></html>`

const oneLine = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ')

/** Text within HTML, also within an attribute in quotes. */
export const escaped = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
