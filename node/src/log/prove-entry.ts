import {
  bytesEqual,
  formatProof,
  HanseError,
  leafHash,
  openCheckpoint,
  parseCheckpoint,
  TileReader,
  verifyInclusion,
} from '@hanse/protocol'
import { type LogSource, textOf } from './source.ts'

export interface ProvedEntry {
  /** C2SP tlog-proof, as text. */
  readonly proof: string
  /** `undefined` when the log keeps its entries elsewhere. */
  readonly entry: Uint8Array | undefined
}

/**
 * The proof that entry `index` is in the log. It is verified before it is given out.
 *
 * @param vkey key of the log; without it the signature of the checkpoint is not looked at
 * @throws {HanseError} HANSE_LOG_INDEX, HANSE_LOG_PROOF when tiles and checkpoint do not agree, and what reading them throws
 */
export async function proveEntry(
  source: LogSource,
  index: bigint,
  vkey?: string,
): Promise<ProvedEntry> {
  const bytes = await source.checkpoint()
  const { size, root } = vkey === undefined ? parseCheckpoint(bytes) : openCheckpoint(bytes, vkey)
  const note = textOf(bytes)
  if (!note.includes('\n\n')) throw new HanseError('HANSE_LOG_NOTE', 'the checkpoint is not signed')
  const reader = new TileReader(source.tile, size)
  const hashes = await reader.inclusionProof(index)
  const leaf = await reader.leafHash(index)
  const claim = { leafIndex: index, treeSize: size, leafHash: leaf, proof: hashes, root }
  if (!verifyInclusion(claim)) {
    throw new HanseError('HANSE_LOG_PROOF', `the tiles do not lead from entry ${index} to the root`)
  }
  const entry = await entryAt(reader, index)
  if (entry !== undefined && !bytesEqual(leafHash(entry), leaf)) {
    throw new HanseError('HANSE_LOG_PROOF', `entry ${index} is not the leaf in the tree`)
  }
  return { proof: formatProof({ index, hashes, checkpoint: note }), entry }
}

/** `undefined` when the log keeps its entries elsewhere. */
async function entryAt(reader: TileReader, index: bigint): Promise<Uint8Array | undefined> {
  try {
    return await reader.entry(index)
  } catch (error) {
    if (error instanceof HanseError && error.code === 'HANSE_LOG_TILE_MISSING') return undefined
    throw error
  }
}
