import type { ClaimedDelivery } from './delivery-store.ts'
import type { Severity, StoredEvent } from './event.ts'
import { factLines, headline, timeText, titleOf } from './event-text.ts'

/** Slack takes 50 blocks, and 3000 characters in one. */
const BLOCKS_MAX = 50
const BLOCK_CHARS_MAX = 3_000

const MARKS: Readonly<Record<Severity, string>> = {
  info: ':information_source:',
  warning: ':warning:',
  urgent: ':rotating_light:',
}

/** For an incoming webhook of Slack, or of what speaks its language: `text` is for readers without blocks. */
export function slackMessage({ events }: Pick<ClaimedDelivery, 'events'>): object {
  const shown = events.slice(0, BLOCKS_MAX - 1)
  const more = events.length - shown.length
  const blocks = shown.map((event) => section(eventText(event)))
  if (more > 0) blocks.push(section(`…and ${more} more`))
  return { text: escaped(headline(events)), blocks }
}

const eventText = (event: StoredEvent): string =>
  [
    `${MARKS[event.severity]} *${escaped(titleOf(event)).replaceAll('*', '∗')}*`,
    ...factLines(event).map(escaped),
    timeText(event.at),
  ].join('\n')

const section = (text: string) => ({
  type: 'section',
  text: { type: 'mrkdwn', text: text.slice(0, BLOCK_CHARS_MAX) },
})

/** The three characters that Slack reads as its own; without them nobody is called and nothing is linked. */
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
