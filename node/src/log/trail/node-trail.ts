import { offer } from '@hanse/protocol'
import type { NodeStore, SessionRow } from '../../store/node-store.ts'
import type { AuditEvent, AuditEventKind, AuditEvents } from '../audit-events.ts'

/** What a node's trail is read from. */
export interface TrailSource {
  readonly events: AuditEvents
  /** Without it, events tell only what is in them. */
  readonly sessions: Pick<NodeStore, 'session' | 'evidence'> | undefined
  readonly network: string
}

/** An event with what the node's own store knows of it. */
export interface NodeTrailEvent {
  readonly id: number
  readonly entry: bigint | undefined
  readonly kind: AuditEventKind
  readonly at: number
  /** CID of the order. */
  readonly session: string | undefined
  readonly model: string | undefined
  /** Undefined also once its key was destroyed. */
  readonly peer: string | undefined
  readonly country: string | undefined
  /** Pico-euro. */
  readonly amount: bigint | undefined
  /** Id of a key of the gateway. */
  readonly key: string | undefined
  /** Why a session ended, or something was refused. */
  readonly reason: string | undefined
  /** The rest, in words. */
  readonly detail: string
  readonly event: AuditEvent
}

/** Only events that are all of it. */
export interface NodeTrailFilter {
  readonly kinds?: readonly AuditEventKind[]
  readonly from?: number
  /** Not included. */
  readonly to?: number
  readonly session?: string
  readonly model?: string
  readonly provider?: string
  readonly country?: string
  readonly key?: string
  readonly reason?: string
  readonly text?: string
}

/** Of one read. */
const READ = 256

/**
 * Looks through a node's own log, newest first. Peer ids are sealed in it, each with a key of its own, and opened for the
 * search alone.
 */
export function* searchNodeTrail(
  source: TrailSource,
  filter: NodeTrailFilter = {},
): Generator<NodeTrailEvent> {
  let before: number | undefined
  for (;;) {
    const read = source.events.newest(READ, before)
    for (const { id, entry, event } of read) {
      before = id
      if (!isOfTime(event, filter)) continue
      const told = tell(source, id, entry, event)
      if (fits(told, filter)) yield told
    }
    if (read.length < READ) return
  }
}

const isOfTime = ({ kind, at }: AuditEvent, { kinds, from, to }: NodeTrailFilter): boolean =>
  (kinds === undefined || kinds.includes(kind)) &&
  (from === undefined || at >= from) &&
  (to === undefined || at < to)

const SAME = ['session', 'country', 'key', 'reason', 'model'] as const

function fits(told: NodeTrailEvent, filter: NodeTrailFilter): boolean {
  if (SAME.some((name) => filter[name] !== undefined && filter[name] !== told[name])) return false
  if (filter.provider !== undefined && filter.provider !== told.peer) return false
  if (filter.text === undefined) return true
  const { kind, session, model, peer, country, key, reason, detail } = told
  const words = [kind, session, model, peer, country, key, reason, detail]
  return words.some((word) => word?.toLowerCase().includes(filter.text?.toLowerCase() ?? ''))
}

function tell(
  source: TrailSource,
  id: number,
  entry: bigint | undefined,
  event: AuditEvent,
): NodeTrailEvent {
  const session = event.kind === 'session' ? event.session.toString() : undefined
  const row = session === undefined ? undefined : source.sessions?.session(session)
  const sealed = 'counterparty' in event ? event.counterparty : undefined
  return {
    id,
    entry,
    kind: event.kind,
    at: event.at,
    session,
    model: row?.model,
    peer: sealed === undefined ? undefined : source.events.unseal(sealed),
    country: countryOf(source, event, row),
    amount: row?.amount,
    key: 'key' in event ? (event.key ?? undefined) : undefined,
    reason: event.kind === 'residency' ? event.reason : row?.reason,
    detail: detailOf(event),
    event,
  }
}

/** As the offer said that the order was for; whether that is evidence, the session's bundle tells. */
function countryOf(
  { sessions, network }: TrailSource,
  event: AuditEvent,
  row: SessionRow | undefined,
): string | undefined {
  if (event.kind === 'residency') return event.country
  const evidence = row && sessions?.evidence(row.session, network)
  return evidence && offer.decode(evidence.offer.bytes).country
}

function detailOf(event: AuditEvent): string {
  switch (event.kind) {
    case 'session':
      return `${event.role}, receipt ${event.receipt.toString()}`
    case 'erasure':
      return 'the key of a subject was destroyed'
    case 'lawful-basis':
      return `${event.action}: ${event.basis} for ${event.purpose} (text ${event.version})`
    case 'key':
      return event.action
    case 'budget-stop':
      return event.key === null ? 'the budget of the gateway' : 'the budget of a key'
    case 'residency':
      return `${event.role} at ${event.place}, allowed ${placesOf(event.policy)}`
    case 'policy':
      return `prompts go to ${placesOf(event.residency)}`
    case 'log-read':
      return `${event.action}${event.filters.length === 0 ? '' : ` by ${event.filters.join(', ')}`}`
    case 'retention':
      return `${event.requests} requests, ${event.openings} openings, ${event.metadata} rows of metadata`
  }
}

function placesOf({ allow, minLevel }: { allow: readonly string[]; minLevel: number }): string {
  const where = allow.length === 0 ? 'anywhere' : allow.join(' ')
  return minLevel === 0 ? where : `${where} from level ${minLevel}`
}

/** For JSON: amounts as digits. */
export function nodeTrailJson({
  id: _id,
  entry,
  event: _event,
  at,
  amount,
  ...rest
}: NodeTrailEvent) {
  return {
    entry: entry?.toString() ?? null,
    at: new Date(at).toISOString(),
    ...rest,
    amount: amount?.toString(),
  }
}
