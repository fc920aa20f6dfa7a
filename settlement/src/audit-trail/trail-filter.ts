import type { LogEventKind } from '@hanse/protocol'
import { type TrailEvent, type TrailTerms, termsOf } from './trail-event.ts'

/** Only events that are all of it. */
export interface TrailFilter {
  readonly kinds?: readonly LogEventKind[]
  readonly key?: string
  readonly member?: string
  readonly model?: string
  readonly provider?: string
  /** ISO 3166-1 alpha-2. */
  readonly country?: string
  readonly reason?: string
  /** CID of a session, or of any record. */
  readonly record?: string
  /** Somewhere in it, in whatever case. */
  readonly text?: string
}

const SAME = ['key', 'member', 'provider', 'country', 'reason'] as const

/** Whether an event that was opened is wanted. What could not be opened says nothing, so it fits no filter on that. */
export function fits(event: TrailEvent, filter: TrailFilter): boolean {
  const terms = termsOf(event)
  if (filter.kinds !== undefined && !filter.kinds.includes(event.kind)) return false
  if (SAME.some((name) => filter[name] !== undefined && filter[name] !== terms[name])) return false
  if (filter.model !== undefined && !terms.models.includes(filter.model)) return false
  if (filter.record !== undefined && !isAbout(event, terms, filter.record)) return false
  return filter.text === undefined || textOf(event, terms).includes(filter.text.toLowerCase())
}

const isAbout = ({ record }: TrailEvent, { session }: TrailTerms, wanted: string): boolean =>
  record === wanted || session === wanted

function textOf({ kind, record, details }: TrailEvent, terms: TrailTerms): string {
  const { provider, consumer, key, member, reason } = terms
  const words = Object.values(details ?? {}).flatMap((value) => value ?? [])
  return [kind, record, provider, consumer, key, member, reason, ...words]
    .filter((part) => part !== null)
    .join('\n')
    .toLowerCase()
}
