import { auditTiles, bytesEqual, parseCheckpoint, TileReader } from '@hanse/protocol'
import type { SettlementStore } from '../db/store.ts'

export interface LogDifference {
  /** A tile, a place, or the checkpoint. */
  readonly subject: string
  readonly reason: string
}

export interface LogReport {
  /** The events make up the entries, the entries the tiles, and the tiles the checkpoint. */
  readonly sound: boolean
  readonly differences: readonly LogDifference[]
  /** Entries under the checkpoint. */
  readonly size: bigint
  /** Events that have no place yet; that is no fault. */
  readonly waiting: boolean
}

/** One bundle at a time: memory does not grow with the log. */
const PAGE = 256
/** More would not help anybody. */
const DIFFERENCES_MAX = 100

/**
 * Computes the whole log again: each entry from its event, each tile from those below it, and the root. The checkpoint's
 * signature is for those to check who have the key. The log may grow meanwhile.
 */
export async function checkLog(store: SettlementStore): Promise<LogReport> {
  const head = await store.logHead()
  const waiting = (await store.waitingEvents(1)).length > 0
  if (head === undefined) {
    const differences = [{ subject: 'checkpoint', reason: 'the log has none' }]
    return { sound: false, differences, size: 0n, waiting }
  }
  const checkpoint = parseCheckpoint(head.note)
  const read = (path: string) => store.logTile(path)
  const differences: LogDifference[] = await compareEvents(
    store,
    new TileReader(read, checkpoint.size),
  )
  const audit = await auditTiles(read, checkpoint, { disagreementsMax: DIFFERENCES_MAX })
  for (const { path, reason } of audit.disagreements) differences.push({ subject: path, reason })
  return { sound: differences.length === 0, differences, size: checkpoint.size, waiting }
}

async function compareEvents(store: SettlementStore, reader: TileReader): Promise<LogDifference[]> {
  const differences: LogDifference[] = []
  for (let first = 0n; differences.length < DIFFERENCES_MAX; first += BigInt(PAGE)) {
    const events = await store.placedEvents(first, PAGE)
    if (events.length === 0 && first >= reader.size) break
    const known = events.filter(({ leaf }) => leaf < reader.size)
    const newest = events.at(-1)?.leaf
    if (newest !== undefined && newest >= reader.size && !(await hasGrownOver(store, newest))) {
      differences.push({ subject: `entry ${newest}`, reason: 'the event is not in the tree' })
    }
    const bundle = await entriesFrom(reader, first)
    for (let i = 0; i < Math.max(known.length, bundle.length); i++) {
      const subject = `entry ${first + BigInt(i)}`
      const reason = differenceOf(first + BigInt(i), known[i], bundle[i])
      if (reason !== undefined) differences.push({ subject, reason })
    }
  }
  return differences.slice(0, DIFFERENCES_MAX)
}

/** Events get their place with the checkpoint that covers them: one that is read now covers what was read before. */
async function hasGrownOver(store: SettlementStore, leaf: bigint): Promise<boolean> {
  const head = await store.logHead()
  return head !== undefined && parseCheckpoint(head.note).size > leaf
}

function differenceOf(
  leaf: bigint,
  event: { leaf: bigint; entry: Uint8Array } | undefined,
  entry: Uint8Array | undefined,
): string | undefined {
  if (event?.leaf !== leaf) return 'there is no event in this place'
  if (entry === undefined) return 'the event is not in the tree'
  return bytesEqual(event.entry, entry) ? undefined : 'the event is not what the tree commits to'
}

/** Nothing where the bundle is missing or damaged: the audit of the tiles says which. */
async function entriesFrom(reader: TileReader, first: bigint): Promise<readonly Uint8Array[]> {
  if (first >= reader.size) return []
  try {
    return await reader.tile('entries', first / BigInt(PAGE))
  } catch {
    return []
  }
}
