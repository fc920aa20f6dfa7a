import { isInRegion } from '@hanse/protocol'
import { Random } from '../kernel/random.ts'
import { Lookups, shuffle } from './lookup.ts'
import { LOOKUP_MS, PROVIDERS_MAX, ProviderDraw, RENEW_MS } from './production-rules.ts'
import { other } from './random-place.ts'
import { shardOf, shardPlaces } from './shards.ts'
import { quantile } from './statistics.ts'
import { buildWorld, type World } from './world.ts'

const QUERY_MS = 20_000
/** One provider in an answer: a peer id of 38 bytes, two addresses of 8 and 45, and their tags. */
const PROVIDER_BYTES = 100
/** `length-prefixed-decoder.ts` DEFAULT_MAX_DATA_LENGTH of the installed @libp2p/utils: a longer answer is not read. */
export const ANSWER_BYTES_MAX = 4 * 1024 * 1024

export interface HotKeyPlan {
  readonly seed: string
  readonly peers: number
  /** Share of the peers in the region that sell, and are listed under its key. */
  readonly sellers: number
  /** Consumers of the region that browse it, each hour. */
  readonly looksPerHour: number
  /** Consumers that are simulated. */
  readonly consumers: number
  /** Providers whose records are simulated one by one; others count as often as these. */
  readonly providersMax: number
  readonly shards: number
  /** Whether consumers draw by lot from what holders name, as nodes do, or take what comes first. */
  readonly lot: boolean
  readonly region: string
}

export const HOT_KEY: Omit<HotKeyPlan, 'seed' | 'shards'> = {
  lot: true,
  peers: 10_000,
  sellers: 0.5,
  looksPerHour: 36_000,
  consumers: 500,
  providersMax: 2_000,
  region: 'EU',
}

export interface HotKeyOutcome {
  readonly shards: number
  readonly lot: boolean
  readonly providers: number
  /** Peers that hold records of the key. */
  readonly holders: number
  /** Of the busiest holder. */
  readonly recordsMost: number
  readonly requestsPerSecondMost: number
  readonly answerBytesMost: number
  /** Share of what one consumer gets to see of all providers together, at most `PROVIDERS_MAX`, once all have looked. */
  readonly providersSeen: number
  /** Among those seen, the share of consumers that saw the provider that most did. */
  readonly seenByMost: number
  readonly firstProviderP50: number
}

/** All sellers of a region tell the same key, and all consumers read it. */
export function runHotKey(plan: HotKeyPlan): HotKeyOutcome {
  const { seed, peers, shards, region, consumers, lot } = plan
  const world = buildWorld({ seed: `${seed}/hot/world`, peers })
  const draw = new Random(`${seed}/hot/${shards}`)
  const engine = new Lookups(world, draw.fork('ways'))
  const { told, scale, providers } = sellersOf(plan, world)
  const places = shardPlaces(region, shards)
  const held = new Map<number, number[]>()
  for (const provider of told) {
    const place = places[shardOf(provider, shards)]
    if (place === undefined) continue
    for (const holder of engine.run({ from: provider, place, deadlineMs: QUERY_MS }).closest)
      held.set(holder, [...(held.get(holder) ?? []), provider])
  }
  const asks = new Map<number, number>()
  const seen = new Map<number, number>()
  const firsts: number[] = []
  const lots = draw.fork('lot')
  for (let i = 0; i < consumers; i++) {
    const place = draw.pick(places)
    const drawn = new ProviderDraw<number>({
      limit: PROVIDERS_MAX,
      idOf: (peer) => peer,
      random: () => lots.float(),
    })
    const result = engine.run({
      from: other(draw, peers, 0),
      place,
      deadlineMs: LOOKUP_MS,
      enough: lot ? PROVIDERS_MAX : world.rules.bucketSize,
      providersAt: (peer) => {
        const named = held.get(peer)
        if (named !== undefined) asks.set(peer, (asks.get(peer) ?? 0) + 1)
        return lot ? drawn.add(named ?? []) : named
      },
    })
    if (result.firstProviderMs !== undefined) firsts.push(result.firstProviderMs)
    // A holder names those first that it has known longest, and the consumer looks at so many.
    const looked = lot ? [...result.providers, ...drawn.rest()] : result.providers
    for (const provider of looked.slice(0, PROVIDERS_MAX))
      seen.set(provider, (seen.get(provider) ?? 0) + 1)
  }
  const perAsk = plan.looksPerHour / 3600 / consumers
  const records = [...held.values()].map(({ length }) => length * scale)
  const requests = [...held].map(
    ([holder, { length }]) =>
      (length * scale) / (RENEW_MS / 1000) + (asks.get(holder) ?? 0) * perAsk,
  )
  const recordsMost = Math.round(Math.max(...records))
  return {
    shards,
    lot,
    providers,
    holders: held.size,
    recordsMost,
    requestsPerSecondMost: Math.max(...requests),
    answerBytesMost: recordsMost * PROVIDER_BYTES,
    providersSeen: seen.size / told.length,
    seenByMost: Math.max(0, ...seen.values()) / consumers,
    firstProviderP50: quantile(firsts, 0.5),
  }
}

/** Those that sell in the region, some of which are told one by one and stand for the others. */
function sellersOf(
  { seed, peers, region, sellers, providersMax }: HotKeyPlan,
  world: World,
): { told: readonly number[]; scale: number; providers: number } {
  const random = new Random(`${seed}/hot/sellers`)
  const inRegion = Array.from({ length: peers }, (_, peer) => peer).filter(
    (peer) => isInRegion(world.geography.countryOf(peer), region) && random.chance(sellers),
  )
  shuffle(inRegion, random)
  const told = inRegion.slice(0, providersMax)
  return { told, scale: inRegion.length / told.length, providers: inRegion.length }
}
