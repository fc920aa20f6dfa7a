import {
  decodeCanonical,
  decodeLine,
  formatProof,
  parseCheckpoint,
  TileReader,
} from '@hanse/protocol'
import type { SettlementStore } from '../db/store.ts'
import { LINES_BYTES_MAX } from '../receipts/statement-batch.ts'

/** A checkpoint and the tiles below it, to prove events with. */
export interface ProvingHead {
  /** With the lines of the witnesses. */
  readonly note: string
  readonly size: bigint
  readonly reader: TileReader
}

/** The latest checkpoint; `undefined` in a log that has none. */
export async function provingHead(store: SettlementStore): Promise<ProvingHead | undefined> {
  const head = await store.logHead()
  if (head === undefined) return undefined
  const { size } = parseCheckpoint(head.note)
  return { note: head.cosigned, size, reader: new TileReader((path) => store.logTile(path), size) }
}

/** C2SP tlog-proof of the event in this place; `undefined` when it is not under the checkpoint yet. */
export async function proveLeaf(head: ProvingHead, leaf: bigint): Promise<string | undefined> {
  if (leaf >= head.size) return undefined
  const hashes = await head.reader.inclusionProof(leaf)
  return formatProof({ index: leaf, hashes, checkpoint: head.note })
}

export interface StatedSession {
  /** CID of the order. */
  readonly session: string
  /** CID of the last receipt. */
  readonly receipt: string
}

/** The sessions that a statement settled. */
export const statedSessions = (lines: Uint8Array): StatedSession[] =>
  (decodeCanonical(lines, LINES_BYTES_MAX) as Uint8Array[]).map((line) => {
    const { order, receipt } = decodeLine(line)
    return { session: order.toString(), receipt: receipt.toString() }
  })
