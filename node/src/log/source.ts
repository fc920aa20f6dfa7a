import { type FetchTile, HanseError } from '@hanse/protocol'

/** Where a log is read from: a folder, an address, or a store. */
export interface LogSource {
  /** For people. */
  readonly name: string
  /** A tile or bundle by its path. @throws {HanseError} when there is something that is not a tile, or cannot be read */
  readonly tile: FetchTile
  /**
   * The signed checkpoint, byte for byte.
   *
   * @throws {HanseError} HANSE_LOG_TILE_MISSING
   */
  checkpoint(): Promise<Uint8Array>
  /** Whether the log serves its entries too, and not only their hashes. */
  hasEntries(size: bigint): Promise<boolean>
  /** How many resources to ask for at once, where each answer takes a while. */
  readonly fetchAhead?: number
  /** Paths of all tiles and bundles that are there, where they can be listed. */
  paths?(): AsyncIterable<string>
}

/** A note may have a hundred signatures of the largest kind. */
export const CHECKPOINT_BYTES_MAX = 1 << 20
/** A full tile: 256 hashes. */
export const TILE_BYTES_MAX = 256 * 32
/** A full bundle of the longest entries, each behind two bytes of length. */
export const BUNDLE_BYTES_MAX = 256 * (2 + 65_535)

/** The most bytes that the resource at this path can have. */
export function bytesMaxOf(path: string): number {
  if (path.startsWith('tile/entries/')) return BUNDLE_BYTES_MAX
  return path.startsWith('tile/') ? TILE_BYTES_MAX : CHECKPOINT_BYTES_MAX
}

export function noCheckpoint(where: string): HanseError {
  return new HanseError('HANSE_LOG_TILE_MISSING', `no checkpoint in ${where}`)
}

export function tooLarge(path: string): HanseError {
  return new HanseError('HANSE_LOG_TILE', `${path} is larger than ${bytesMaxOf(path)} bytes`)
}

/** A note as text that is byte for byte the same: a byte order mark would be part of what was signed. */
export function textOf(note: string | Uint8Array): string {
  return typeof note === 'string'
    ? note
    : new TextDecoder('utf-8', { ignoreBOM: true }).decode(note)
}
