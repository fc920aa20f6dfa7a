import { createHash } from 'node:crypto'
import type { Random } from '../kernel/random.ts'

/**
 * Places in the key space are the first 52 bits of a SHA-256, as one exact double: a million of them are all different with
 * a chance of 0.9999, and distances compare as numbers.
 */
export const LOW_BITS = 20
const LOW = 2 ** LOW_BITS

export interface Place {
  readonly high: number
  readonly low: number
}

/** Peers sorted by their place: a peer is its rank, so every prefix of the key space is a run of peers. */
export interface Ids {
  readonly count: number
  readonly high: Uint32Array
  readonly low: Uint32Array
}

export function randomIds(random: Random, count: number): Ids {
  const values = new Float64Array(count)
  for (let i = 0; i < count; i++) values[i] = random.next() * LOW + (random.next() >>> 12)
  return idsOf(values)
}

/** @param values places as numbers below 2 ** 52; sorted in place */
export function idsOf(values: Float64Array): Ids {
  values.sort()
  const high = Uint32Array.from(values, (value) => Math.floor(value / LOW))
  const low = Uint32Array.from(values, (value) => value % LOW)
  return { count: values.length, high, low }
}

/** Where kad-dht puts the records of a key: at the SHA-256 of its multihash. */
export function placeOfKey(key: { readonly multihash: { readonly bytes: Uint8Array } }): Place {
  const digest = createHash('sha256').update(key.multihash.bytes).digest()
  return { high: digest.readUInt32BE(0), low: digest.readUInt32BE(4) >>> 12 }
}

export const placeOf = (ids: Ids, peer: number): Place => ({
  high: ids.high[peer] as number,
  low: ids.low[peer] as number,
})

export const distanceTo = (ids: Ids, peer: number, { high, low }: Place): number =>
  (((ids.high[peer] as number) ^ high) >>> 0) * LOW + (((ids.low[peer] as number) ^ low) >>> 0)

/** The first peer whose high bits are not below `high`. */
export function lowerBound(ids: Ids, high: number): number {
  let from = 0
  let to = ids.count
  while (from < to) {
    const middle = (from + to) >>> 1
    if ((ids.high[middle] as number) < high) from = middle + 1
    else to = middle
  }
  return from
}

/** The run of peers that share `bits` leading bits with `high`: first, and one after the last. */
export function runOf(ids: Ids, high: number, bits: number): readonly [number, number] {
  if (bits === 0) return [0, ids.count]
  const first = ((high >>> (32 - bits)) << (32 - bits)) >>> 0
  return [lowerBound(ids, first), lowerBound(ids, first + 2 ** (32 - bits))]
}

/** The `count` peers nearest to a place among those that `counts` accepts, nearest first. */
export function nearest(
  ids: Ids,
  place: Place,
  count: number,
  counts: (peer: number) => boolean,
): number[] {
  for (let bits = 32; ; bits--) {
    const [from, to] = runOf(ids, place.high, bits)
    if (to - from < count && bits > 0) continue
    const found: number[] = []
    for (let peer = from; peer < to; peer++) if (counts(peer)) found.push(peer)
    if (found.length < count && bits > 0) continue
    return found
      .sort((a, b) => distanceTo(ids, a, place) - distanceTo(ids, b, place))
      .slice(0, count)
  }
}
