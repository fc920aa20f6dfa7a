import { isAtLeast, type Severity, type StoredEvent } from './event.ts'
import type { EventKind } from './event-kinds.ts'

export const PACES = ['immediately', 'hourly', 'daily'] as const

/** What a channel is told of, and when. */
export interface SubscriptionTerms {
  /** None is all. */
  readonly kinds: readonly EventKind[]
  /** The least that is told. */
  readonly severity: Severity
  readonly pace: (typeof PACES)[number]
  /** As the IANA database names it, such as `Europe/Berlin`. */
  readonly timeZone: string
  /** When a daily digest is sent: minutes after midnight. */
  readonly dailyAt: number
  /** From when until when nothing is sent, minutes after midnight; over midnight where the first is the greater. */
  readonly quiet: { readonly from: number; readonly until: number } | null
  /** Whether urgent events are sent at once, whatever the pace and the hour. */
  readonly urgentOverrides: boolean
  /** For how long the same of the same is not told again, milliseconds; 0 tells all. */
  readonly repeatMs: number
}

export interface Subscription extends SubscriptionTerms {
  readonly id: string
  readonly channel: string
  readonly createdAt: number
}

export const wants = (
  { kinds, severity }: Pick<SubscriptionTerms, 'kinds' | 'severity'>,
  event: Pick<StoredEvent, 'kind' | 'severity'>,
): boolean =>
  (kinds.length === 0 || kinds.includes(event.kind)) && isAtLeast(event.severity, severity)

/** Events of one topic are repeats: what has become worse is another. */
export const topicOf = ({
  kind,
  severity,
  subject,
}: Pick<StoredEvent, 'kind' | 'severity' | 'subject'>): string => `${kind} ${severity} ${subject}`
