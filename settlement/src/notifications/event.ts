import type { EventKind } from './event-kinds.ts'

/** In their order: `urgent` may break quiet hours. */
export const SEVERITIES = ['info', 'warning', 'urgent'] as const
export type Severity = (typeof SEVERITIES)[number]

/**
 * Numbers and names that explain an event, such as `{ budget: 'team-a', percent: 80 }`: short values that an outside service
 * may see. Never what was asked of a model, what it answered, or a secret.
 */
export type Facts = Readonly<Record<string, string | number | boolean>>

/** What a part of the service tells. */
export interface NewEvent {
  /** Null for the platform's operators. */
  readonly organization: string | null
  readonly kind: EventKind
  /** What its kind has, when not given. */
  readonly severity?: Severity
  /** What it is about: an id or a name. Repeats of a kind on one subject may be told once in a while only. */
  readonly subject: string
  /** What made it: of one kind, the same cause is told once, for ever. */
  readonly cause: string
  readonly facts?: Facts
}

/** As it was stored. */
export interface StoredEvent {
  readonly id: bigint
  readonly organization: string | null
  readonly kind: EventKind
  readonly severity: Severity
  readonly subject: string
  readonly facts: Facts
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Ids of ours and names that people give; a CID behind a CID fits. */
export const SUBJECT_MAX = 256
/** A dozen numbers explain any event. */
export const FACTS_MAX = 16
/** A name or an id; nobody's text fits. */
export const FACT_CHARS_MAX = 200

export const isAtLeast = (severity: Severity, least: Severity): boolean =>
  SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least)
