import type { StoredEvent } from './event.ts'
import { kindOf } from './event-kinds.ts'

/** One line: what has happened to what. */
export const titleOf = ({ kind, subject }: Pick<StoredEvent, 'kind' | 'subject'>): string =>
  oneLine(`${kindOf(kind).title}: ${subject}`)

/** One line each. */
export const factLines = ({ facts }: Pick<StoredEvent, 'facts'>): string[] =>
  Object.entries(facts).map(([name, value]) => oneLine(`${name.replaceAll('_', ' ')}: ${value}`))

/** Names that people give may have anything in them. */
const oneLine = (text: string): string => text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()

/** The subject of a message on some events. */
export function headline(events: readonly StoredEvent[]): string {
  const [first] = events
  if (first === undefined) return 'Nothing has happened'
  return events.length === 1 ? titleOf(first) : `${events.length} events`
}

/** To the minute: `2026-11-02 07:30 UTC`. */
export const timeText = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
