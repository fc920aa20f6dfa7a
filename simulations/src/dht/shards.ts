import { createHash } from 'node:crypto'
import { browseKey } from '@hanse/protocol'
import { type Place, placeOfKey } from './ids.ts'

/**
 * Where the records of a key lie that is split: one shard is the key itself, as it is today; of several each has a key of its
 * own below it. The market does not do this yet: it is what is asked here.
 */
export function shardPlaces(region: string, shards: number): readonly Place[] {
  if (shards === 1) return [placeOfKey(browseKey(region))]
  return Array.from({ length: shards }, (_, shard) =>
    placeOfKey(browseKey(`${region}/${shard}-of-${shards}`)),
  )
}

/** The shard of a provider: everybody can tell it from the peer id. */
export function shardOf(peer: number, shards: number): number {
  return createHash('sha256').update(String(peer)).digest().readUInt32BE(0) % shards
}
