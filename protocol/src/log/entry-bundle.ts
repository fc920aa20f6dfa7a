import { HanseError } from '../errors.ts'
import { HASH_BYTES } from './hash.ts'
import { TILE_WIDTH } from './tile-path.ts'

/** The length of an entry is written in 16 bits (C2SP tlog-tiles, Log entries). */
export const ENTRY_BYTES_MAX = 65_535
const LENGTH_BYTES = 2

/**
 * Entries one after the other, each behind its length.
 *
 * @throws {HanseError} HANSE_LOG_ENTRY when one is too long, or there are more than 256
 */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  if (entries.length > TILE_WIDTH) throw badEntry(`${entries.length} entries in one bundle`)
  const bytes = new Uint8Array(
    entries.reduce((sum, entry) => sum + LENGTH_BYTES + entry.byteLength, 0),
  )
  let at = 0
  for (const entry of entries) {
    checkEntry(entry)
    bytes[at] = entry.byteLength >> 8
    bytes[at + 1] = entry.byteLength & 0xff
    bytes.set(entry, at + LENGTH_BYTES)
    at += LENGTH_BYTES + entry.byteLength
  }
  return bytes
}

/**
 * The entries of a bundle that must hold exactly `width` of them. They share the memory of `bytes`.
 *
 * @throws {HanseError} HANSE_LOG_TILE
 */
export function decodeEntryBundle(bytes: Uint8Array, width: number): Uint8Array[] {
  const entries: Uint8Array[] = []
  let at = 0
  while (at < bytes.byteLength && entries.length < width) {
    const start = at + LENGTH_BYTES
    const end = start + (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0))
    if (end > bytes.byteLength) break
    entries.push(bytes.subarray(start, end))
    at = end
  }
  if (at !== bytes.byteLength || entries.length !== width) {
    throw new HanseError('HANSE_LOG_TILE', `not a bundle of ${width} entries`)
  }
  return entries
}

/**
 * The hashes of a tile that must hold exactly `width` of them. They share the memory of `bytes`.
 *
 * @throws {HanseError} HANSE_LOG_TILE
 */
export function decodeHashTile(bytes: Uint8Array, width: number): Uint8Array[] {
  if (bytes.byteLength !== width * HASH_BYTES) {
    throw new HanseError('HANSE_LOG_TILE', `${bytes.byteLength} bytes for ${width} hashes`)
  }
  return Array.from({ length: width }, (_, i) =>
    bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
  )
}

/** @throws {HanseError} HANSE_LOG_ENTRY */
export function checkEntry(entry: unknown): asserts entry is Uint8Array {
  if (!(entry instanceof Uint8Array)) throw badEntry('an entry is bytes')
  if (entry.byteLength > ENTRY_BYTES_MAX) throw badEntry(`${entry.byteLength} bytes`)
}

function badEntry(why: string): HanseError {
  return new HanseError('HANSE_LOG_ENTRY', `cannot log this: ${why}`)
}
