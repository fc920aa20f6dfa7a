import { Random } from '../kernel/random.ts'
import { Geography } from './geography.ts'
import { type Ids, randomIds } from './ids.ts'
import { KAD_RULES, type KadRules } from './kad-rules.ts'
import { Tables } from './tables.ts'

export interface WorldOptions {
  readonly seed: string
  readonly peers: number
  readonly rules?: Partial<KadRules>
  /** Share of the peers that are there at the start; all are when left out. */
  readonly onlineShare?: number
  /** Tables are learned from answers one by one, and remember when whom they pinged; else they are drawn. */
  readonly learned?: boolean
  /** Instead of random ones: those of an attacker have been chosen. */
  readonly ids?: Ids
}

/** Peers, where they are, who is there, and whom each knows. */
export interface World {
  readonly ids: Ids
  readonly rules: KadRules
  readonly geography: Geography
  readonly tables: Tables
  readonly online: Uint8Array
  readonly isOnline: (peer: number) => boolean
  readonly random: Random
}

/**
 * A table has settled when every bucket is full, or holds all that there are for it. It is drawn at random from the peers of
 * each bucket: what the many chance meetings of a long life come to (a test compares it with tables that were learned).
 */
export function buildWorld(options: WorldOptions): World {
  const { peers, onlineShare = 1, learned = false } = options
  const random = new Random(options.seed)
  const rules = { ...KAD_RULES, ...options.rules }
  const ids = options.ids ?? randomIds(random.fork('ids'), peers)
  const online = new Uint8Array(ids.count)
  const draw = random.fork('online')
  for (let peer = 0; peer < ids.count; peer++) online[peer] = draw.chance(onlineShare) ? 1 : 0
  const isOnline = (peer: number): boolean => online[peer] === 1
  const tables = new Tables(ids, rules, { timed: learned })
  const filling = random.fork('tables')
  if (!learned)
    for (let peer = 0; peer < ids.count; peer++)
      if (isOnline(peer)) tables.hear(peer, rules.bucketSize, filling, isOnline)
  const geography = new Geography(random.fork('geography'), ids.count)
  return { ids, rules, geography, tables, online, isOnline, random }
}
