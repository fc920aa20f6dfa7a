import {
  auditEntry,
  buildPackage,
  CHECKPOINT_PATH,
  eventPath,
  exportBundle,
  formatProof,
  HanseError,
  type PackageFile,
  parseCheckpoint,
  type Signer,
  TileReader,
  VKEY_PATH,
} from '@hanse/protocol'
import type { NodeStore } from '../../store/node-store.ts'
import { type LogSource, textOf } from '../source.ts'
import { type NodeTrailEvent, nodeTrailJson, type TrailSource } from './node-trail.ts'
import { summaryText } from './summary-text.ts'

export interface NodePackageParts extends TrailSource {
  readonly store: NodeStore | undefined
  readonly log: LogSource
  readonly vkey: string
  readonly signer: Signer
  readonly now: number
}

export interface NodePackageOrder {
  readonly from: number
  /** Not included. */
  readonly to: number
  /** In the order of the log; each has its place in it. */
  readonly events: readonly NodeTrailEvent[]
}

export interface NodePackage {
  readonly bytes: Uint8Array
  readonly events: number
  readonly sessions: number
}

/** As many as settlement packs. */
export const NODE_PACKAGE_EVENTS_MAX = 5_000

/**
 * Packs what a node's own log tells, with the proofs, the bundles of its sessions, and a summary for people, and signs it
 * with the node's key.
 *
 * @throws {HanseError} HANSE_PACKAGE_FORMAT when it is too much
 */
export async function makeNodePackage(
  parts: NodePackageParts,
  { from, to, events }: NodePackageOrder,
): Promise<NodePackage> {
  if (events.length > NODE_PACKAGE_EVENTS_MAX) {
    const why = `more than ${NODE_PACKAGE_EVENTS_MAX} events: ask for a shorter period`
    throw new HanseError('HANSE_PACKAGE_FORMAT', why)
  }
  const note = textOf(await parts.log.checkpoint())
  const bundles = bundlesOf(parts, events)
  const files: PackageFile[] = [
    { path: CHECKPOINT_PATH, bytes: utf8(note) },
    { path: VKEY_PATH, bytes: utf8(`${parts.vkey}\n`) },
    ...(await eventFiles(parts, note, events)),
    { path: 'events.jsonl', bytes: utf8(events.map(lineOf).join('')) },
    ...bundles,
  ]
  const facts = {
    from,
    to,
    now: parts.now,
    note,
    network: parts.network,
    peerId: parts.signer.peerId,
  }
  for (const language of ['en', 'de'] as const) {
    const text = summaryText(language, facts, events, bundles.length)
    files.push({ path: `summary.${language}.md`, bytes: utf8(text) })
  }
  const manifest = { source: 'node', subject: null, at: parts.now, from, to } as const
  const bytes = buildPackage({ network: parts.network }, manifest, files, parts.signer)
  return { bytes, events: events.length, sessions: bundles.length }
}

async function eventFiles(
  { log, events: store }: NodePackageParts,
  note: string,
  events: readonly NodeTrailEvent[],
): Promise<PackageFile[]> {
  const { size } = parseCheckpoint(note)
  const reader = new TileReader(log.tile, size)
  const files: PackageFile[] = []
  for (const { entry } of events) {
    const stored = entry === undefined || entry >= size ? undefined : store.at(entry)
    if (entry === undefined || stored === undefined) {
      throw new HanseError('HANSE_LOG_INDEX', 'an event has no place under the checkpoint yet')
    }
    const hashes = await reader.inclusionProof(entry)
    const proof = formatProof({ index: entry, hashes, checkpoint: note })
    const { body, salt } = stored
    files.push({ path: eventPath(entry), bytes: auditEntry.encode({ body, salt, proof }) })
  }
  return files
}

/** Of sessions that the node's store still has. */
function bundlesOf(
  { store, network }: NodePackageParts,
  events: readonly NodeTrailEvent[],
): PackageFile[] {
  const sessions = new Set(events.flatMap(({ session }) => session ?? []))
  return [...sessions].sort().flatMap((session) => {
    const evidence = store?.evidence(session, network)
    if (store === undefined || evidence === undefined) return []
    const settlement = store.settlementProof(session)
    const bytes = exportBundle({ ...evidence, ...(settlement && { settlement }) })
    return [{ path: `sessions/${session}.car`, bytes }]
  })
}

function lineOf(event: NodeTrailEvent): string {
  const { entry, ...rest } = nodeTrailJson(event)
  return `${JSON.stringify({ leaf: entry, ...rest })}\n`
}

const utf8 = (text: string) => new TextEncoder().encode(text)
