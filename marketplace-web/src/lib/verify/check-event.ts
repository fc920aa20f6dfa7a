import {
  entryOfEvent,
  HanseError,
  logEvent,
  openCheckpoint,
  parseProof,
  verifyProof,
} from '@hanse/protocol'
import type { Inclusion } from './read-chain.ts'

/** An event of a log as a service gives it out, and what it says of it. */
export type ClaimedEvent = {
  /** Base64. */
  readonly body: string
  readonly salt: string
  /** C2SP tlog-proof; null in the second before there is one. */
  readonly proof: string | null
  readonly kind: string
  readonly at: number
  readonly record: string | null
  /** Whose signature counts. */
  readonly logKey: string
}

export type EventCheck = {
  readonly id: 'told' | 'signed' | 'included' | 'witnessed'
  readonly status: 'ok' | 'unproved' | 'failed'
  readonly detail: string
}

export type EventOutcome = {
  readonly verified: boolean
  readonly lines: readonly EventCheck[]
  readonly inclusion: Inclusion | undefined
}

type Found = { readonly line: Omit<EventCheck, 'id'>; readonly inclusion?: Inclusion }

/** In the order in which they are told. */
const checks: readonly (readonly [EventCheck['id'], (event: ClaimedEvent) => Found])[] = [
  ['told', told],
  ['signed', signed],
  ['included', included],
  ['witnessed', witnessed],
]

/** Checks one event against the log's key, with no word of the service but that key. It throws for nothing. */
export function checkEvent(event: ClaimedEvent): EventOutcome {
  const found = checks.map(([id, check]) => ({ id, ...caught(check, event) }))
  const lines = found.map(({ id, line }) => ({ id, ...line }))
  const verified = lines.every(({ status }) => status !== 'failed')
  const inclusion = found.find((one) => one.inclusion !== undefined)?.inclusion
  return { verified, lines, inclusion: verified ? inclusion : undefined }
}

function caught(check: (event: ClaimedEvent) => Found, event: ClaimedEvent): Found {
  try {
    return check(event)
  } catch (error) {
    const detail = error instanceof HanseError ? `${error.code}: ${error.message}` : String(error)
    return { line: { status: 'failed', detail } }
  }
}

/** What is shown is what the signed bytes say. */
function told({ body, kind, at, record }: ClaimedEvent): Found {
  const event = logEvent.decode(bytesOf(body))
  const same =
    event.kind === kind && event.at === at && (event.record?.toString() ?? null) === record
  const when = new Date(event.at).toISOString()
  const detail = `${event.kind} of ${when}${same ? '' : ': not what is shown'}`
  return { line: { status: same ? 'ok' : 'failed', detail } }
}

function signed({ proof, logKey }: ClaimedEvent): Found {
  if (proof === null) return waits
  const { origin, size } = openCheckpoint(parseProof(proof).checkpoint, logKey)
  return { line: { status: 'ok', detail: `${origin}, a tree of ${size} entries` } }
}

function included({ body, salt, proof, logKey }: ClaimedEvent): Found {
  if (proof === null) return waits
  const entry = entryOfEvent(bytesOf(salt), bytesOf(body))
  const { index, checkpoint } = verifyProof(proof, entry, { logKey })
  const { origin, size } = checkpoint
  const { hashes } = parseProof(proof)
  const detail = `entry ${index} of ${size}, by ${hashes.length} hashes`
  return { line: { status: 'ok', detail }, inclusion: { index, size, origin } }
}

/** Whose keys they are is not known here: that they have signed is told, and proved to those who know them. */
function witnessed({ proof, logKey }: ClaimedEvent): Found {
  if (proof === null) return waits
  const { unverified } = openCheckpoint(parseProof(proof).checkpoint, logKey)
  const names = unverified.map(({ name }) => name)
  const detail = names.length === 0 ? 'no witness has signed this checkpoint' : names.join(', ')
  return { line: { status: 'unproved', detail } }
}

const waits: Found = {
  line: { status: 'unproved', detail: 'the log has no entry for it yet' },
}

const bytesOf = (base64: string): Uint8Array =>
  Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
