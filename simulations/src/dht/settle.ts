import type { Random } from '../kernel/random.ts'
import { type Place, placeOf } from './ids.ts'
import type { Lookups } from './lookup.ts'
import { randomPlace } from './random-place.ts'
import type { World } from './world.ts'

const QUERY_MS = 20_000
const BOOTSTRAPS = 3

export interface Meeting {
  readonly world: World
  readonly lookups: Lookups
  readonly random: Random
}

/**
 * One round of what kad-dht does by itself, and what the node asks besides: a look at the own place, one for each length of
 * prefix, which it counts in bytes, and `further` ones anywhere. Tables are learned by it, as in the installed version.
 */
export function meetOthers(
  { world, lookups, random }: Meeting,
  peer: number,
  { further, now }: { further: number; now: number },
): void {
  const { ids, tables, isOnline } = world
  // A node keeps connected to its bootstraps, which are the same for all and always there.
  for (const bootstrap of bootstrapsOf(ids.count)) {
    tables.add(peer, bootstrap, now, isOnline)
    tables.add(bootstrap, peer, now, isOnline)
  }
  const own = placeOf(ids, peer)
  const places = [own]
  for (let length = 0; length <= tables.commonBytes(peer); length++)
    places.push(beyond(own, length, random))
  for (let i = 0; i < further; i++) places.push(randomPlace(random))
  for (const place of places)
    lookups.run({
      from: peer,
      place,
      deadlineMs: QUERY_MS,
      // Who asks meets who is asked, and hears of those that are named.
      learn: (asked, named) => {
        tables.add(peer, asked, now, isOnline)
        tables.add(asked, peer, now, isOnline)
        for (const contact of named) tables.add(peer, contact, now, isOnline)
      },
    })
}

/** Peers are sorted by place, so these are spread over the key space. */
export function bootstrapsOf(peers: number): readonly number[] {
  return Array.from({ length: BOOTSTRAPS }, (_, i) => Math.floor((i * peers) / BOOTSTRAPS))
}

/** A place that shares exactly so many leading bits with the own one. */
function beyond(own: Place, length: number, random: Random): Place {
  const kept = length === 0 ? 0 : 0xffffffff << (32 - length)
  const flipped = ~own.high & (0x80000000 >>> length)
  const rest = random.next() & (0x7fffffff >>> length)
  return { high: ((own.high & kept) | flipped | rest) >>> 0, low: random.next() >>> 12 }
}
