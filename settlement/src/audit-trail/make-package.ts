import {
  auditEntry,
  buildPackage,
  CHECKPOINT_PATH,
  encodeCanonical,
  eventPath,
  LOG_KEY_PATH,
  type PackageFile,
  signedFields,
} from '@hanse/protocol'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { SettlementLog } from '../log/settlement-log.ts'
import { type AuditPackage, PACKAGE_EVENTS_MAX } from './audit-package.ts'
import { eventLine } from './event-line.ts'
import { policyFiles } from './package-policies.ts'
import { type ProvingHead, proveLeaf, provingHead } from './prove-event.ts'
import { renderSummary } from './summary/render-summary.ts'
import { summarize } from './summary/summary.ts'
import { SUMMARY_LANGUAGES } from './summary/words.ts'
import { termsOf } from './trail-event.ts'
import type { StoredTrailEvent } from './trail-store.ts'

/** Events that wait for their place get it in a second: it is made again then. */
export class NotYet extends Error {}

/** Told now and then; throws where nobody waits for it any more. */
type Progress = (done: number, total: number) => Promise<void>

const READ = 250

/**
 * Makes the evidence of an organization's period, or of single sessions, out of the log and the records: see the guide on
 * the audit trail for what is in it.
 *
 * @throws {NotYet}
 * @throws {SettlementError} HANSE_EXPORT_SIZE, HANSE_AUDIT_PENDING when there is no log
 */
export async function makePackage(
  context: SettlementContext,
  wanted: AuditPackage,
  onProgress: Progress,
): Promise<Uint8Array> {
  const { store, signer, network, log } = context
  const head = await provingHead(store)
  if (log === undefined || head === undefined) {
    throw new SettlementError('HANSE_AUDIT_PENDING', 'there is no log yet')
  }
  const events = await wantedEvents(context, wanted)
  const files: PackageFile[] = [...(await logFiles(log, head, wanted))]
  for (const [i, event] of events.entries()) {
    if (i % READ === 0) await onProgress(i, events.length)
    files.push(await eventFile(head, event))
  }
  await onProgress(events.length, events.length)
  files.push({ path: 'events.jsonl', bytes: utf8(events.map(eventLine).join('')) })
  files.push(...(await recordFiles(context, events, wanted)))
  files.push(...(await policyFiles(store, wanted, events)))
  files.push(...(await summaryFiles(context, log, head, wanted, events, files)))
  const { from, to, createdAt: at, organization: subject } = wanted
  return buildPackage({ network }, { source: 'settlement', subject, at, from, to }, files, signer)
}

/** In the order of the log. */
async function wantedEvents(
  { store }: SettlementContext,
  { organization, from, to, sessions }: AuditPackage,
): Promise<StoredTrailEvent[]> {
  const chosen = sessions.length === 0 ? undefined : await aboutSessions(store, sessions)
  const events: StoredTrailEvent[] = []
  let before: bigint | undefined
  for (;;) {
    const read = await store.storedTrailEvents({
      viewer: { organization },
      from,
      to,
      limit: READ,
      isForward: true,
      ...(before !== undefined && { before }),
    })
    for (const event of read) {
      before = event.id
      if (chosen === undefined || chosen(event)) events.push(event)
    }
    if (events.length > PACKAGE_EVENTS_MAX) {
      const why = `more than ${PACKAGE_EVENTS_MAX} events: ask for a shorter period`
      throw new SettlementError('HANSE_EXPORT_SIZE', why)
    }
    if (read.length < READ) return events
  }
}

/** What settled them, and what was refused of them. */
async function aboutSessions(
  store: SettlementContext['store'],
  sessions: readonly string[],
): Promise<(event: StoredTrailEvent) => boolean> {
  const records = new Set<string>(sessions)
  for (const session of sessions) {
    for (const record of await store.recordsOfSession(session)) records.add(record)
  }
  return (event) => records.has(event.record ?? '') || records.has(termsOf(event).session ?? '')
}

async function logFiles(
  log: SettlementLog,
  { note, size, reader }: ProvingHead,
  { since }: AuditPackage,
): Promise<PackageFile[]> {
  const files = [
    { path: CHECKPOINT_PATH, bytes: utf8(note) },
    { path: LOG_KEY_PATH, bytes: encodeCanonical(signedFields(log.key)) },
  ]
  // A log that never had so many entries has nothing to show for it.
  if (since === null || since > size) return files
  const hashes = await reader.consistencyProof(since, size)
  return [
    ...files,
    { path: 'log/consistency.cbor', bytes: encodeCanonical({ size: since, hashes }) },
  ]
}

async function eventFile(head: ProvingHead, event: StoredTrailEvent): Promise<PackageFile> {
  const { leaf, body, salt } = event
  const proof = leaf === null ? undefined : await proveLeaf(head, leaf)
  if (leaf === null || proof === undefined) throw new NotYet(`event ${event.id} has no place yet`)
  return { path: eventPath(leaf), bytes: auditEntry.encode({ body, salt, proof }) }
}

/** Receipts, statements, and where their providers were. */
async function recordFiles(
  { store }: SettlementContext,
  events: readonly StoredTrailEvent[],
  period: AuditPackage,
): Promise<PackageFile[]> {
  const settled = events.flatMap((event) => {
    const { session } = termsOf(event)
    const { kind, record } = event
    return kind === 'receipt-settled' && record !== null && session !== null
      ? [{ session, receipt: record }]
      : []
  })
  const files = [...(await store.packagedSessions(settled))]
  for (const { kind, record } of events) {
    if (kind !== 'statement-settled' || record === null) continue
    const statement = await store.packagedStatement(record)
    if (statement !== undefined) files.push(statement)
  }
  const providers = new Set(events.flatMap((event) => termsOf(event).provider ?? []))
  for (const provider of [...providers].sort()) {
    files.push(...(await store.packagedAttestations(provider, period)))
  }
  return files
}

async function summaryFiles(
  { store, signer, network }: SettlementContext,
  { origin }: SettlementLog,
  { note }: ProvingHead,
  wanted: AuditPackage,
  events: readonly StoredTrailEvent[],
  files: readonly PackageFile[],
): Promise<PackageFile[]> {
  const name = (await store.organizationName(wanted.organization)) ?? wanted.organization
  const summary = summarize({
    wanted,
    name,
    issuer: signer.peerId,
    network,
    origin,
    note,
    events,
    files,
  })
  return Promise.all(
    SUMMARY_LANGUAGES.map(async (language) => ({
      path: `summary.${language}.pdf`,
      bytes: new Uint8Array(await renderSummary(summary, language)),
    })),
  )
}

const utf8 = (text: string) => new TextEncoder().encode(text)
