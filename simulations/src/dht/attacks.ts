import { Random } from '../kernel/random.ts'
import { idsOf, LOW_BITS, nearest, type Place, randomIds } from './ids.ts'
import { Lookups, type Question } from './lookup.ts'
import { LOOKUP_MS, PROVIDERS_MAX, ProviderDraw } from './production-rules.ts'
import { randomPlace } from './random-place.ts'
import { mean } from './statistics.ts'
import { buildWorld, type World } from './world.ts'

const QUERY_MS = 20_000
/** Providers of a key that an attacker wants to be found no more. */
const PROVIDERS = 10

/** What attackers do when they are asked: name no provider, or sixty-four that do not exist. */
export type Lie = 'withhold' | 'flood'

export interface AttackPlan {
  readonly seed: string
  readonly peers: number
  readonly tries: number
  /** Share of all peers that are the attacker's, at random places: they are many. */
  readonly crowd: number
  /** Peers of the attacker whose places were chosen next to the key: keys are free, and so are their hashes. */
  readonly sybils: number
  readonly lie: Lie
  readonly defence: Defence
}

export interface Defence {
  /** Disjoint paths of a lookup; what kad-dht does when left out. */
  readonly paths?: number
  /** Keys under which each provider is listed and looked for, each at a place of its own; one when left out. */
  readonly keys?: number
  /** All counts that a peer names, in its order, and a lookup ends once twenty are named: as kad-dht has it by itself. */
  readonly uncapped?: boolean
  /**
   * Records go to all peers within the distance that twenty should be in, told by how dense the network is elsewhere, and not
   * to the nearest twenty: those that crowd in push nobody out.
   */
  readonly wide?: boolean
}

export const ATTACK: Omit<AttackPlan, 'seed'> = {
  peers: 10_000,
  tries: 100,
  crowd: 0,
  sybils: 0,
  lie: 'withhold',
  defence: {},
}

export interface AttackOutcome {
  /** Share of consumers that learned of a provider that exists, among those they looked at. */
  readonly success: number
  /** Share of the holders of the records that are the attacker's. */
  readonly heldByAttacker: number
  readonly askedMean: number
}

/** An attacker wants that nobody finds the providers of one key. */
export function runAttack(plan: AttackPlan): AttackOutcome {
  const { seed, tries, defence } = plan
  const draw = new Random(`${seed}/attack`)
  const places = Array.from({ length: defence.keys ?? 1 }, () => randomPlace(draw))
  const { world, bad } = buildAttacked(plan, places)
  const engine = new Lookups(world, draw.fork('ways'))
  const honest = honestPeer(world, bad, draw)
  const invented = Array.from({ length: PROVIDERS_MAX }, (_, i) => -1 - i)
  const held = places.map(() => new Map<number, Set<number>>())
  const providers = Array.from({ length: PROVIDERS }, honest)
  const ask = (question: Question) => {
    const near = cached(world, bad, question.place)
    return engine.run({ ...question, liesOf: (peer) => (bad[peer] === 1 ? near() : undefined) })
  }
  const holderShares: number[] = []
  for (const provider of providers)
    for (const [i, place] of places.entries()) {
      const { closest } = ask({ from: provider, place, deadlineMs: QUERY_MS })
      const holders = defence.wide === true ? widely(world, place) : closest
      holderShares.push(mean(holders.map((peer) => bad[peer] as number)))
      for (const holder of holders) {
        const known = held[i]?.get(holder) ?? new Set()
        held[i]?.set(holder, known.add(provider))
      }
    }
  const lot = draw.fork('lot')
  const looks = Array.from({ length: tries }, () => {
    const from = honest()
    return places.map((place, i) => {
      const namedBy = (peer: number) => {
        if (bad[peer] === 1) return plan.lie === 'flood' ? inventedBy(peer, invented) : []
        return [...(held[i]?.get(peer) ?? [])]
      }
      const looked = lookedAt(defence, lot, namedBy)
      const { asked, providers } = ask({
        from,
        place,
        deadlineMs: LOOKUP_MS,
        ...looked.question(world),
      })
      return { asked, providers: looked.providers(providers) }
    })
  })
  const finds = looks.filter((keys) =>
    keys.some(({ providers: seen }) => seen.some((one) => one >= 0)),
  )
  return {
    success: finds.length / tries,
    heldByAttacker: mean(holderShares),
    askedMean: mean(looks.flatMap((keys) => keys.map(({ asked }) => asked))),
  }
}

/** The nearest of the attacker's peers to a key are what all of them name: looked for once. */
function cached(world: World, bad: Uint8Array, place: Place): () => readonly number[] {
  let known: readonly number[] | undefined
  return () =>
    (known ??= nearest(world.ids, place, world.rules.bucketSize, (peer) => bad[peer] === 1))
}

/** What a consumer looks at of all that is named: by the node's own lot, or as kad-dht would have it. */
function lookedAt(
  { uncapped }: Defence,
  lot: Random,
  namedBy: (peer: number) => number[],
): {
  question(world: World): Pick<Question, 'enough' | 'providersAt'>
  providers(found: readonly number[]): readonly number[]
} {
  if (uncapped === true) {
    return {
      question: ({ rules }) => ({ enough: rules.bucketSize, providersAt: namedBy }),
      providers: (found) => found.slice(0, PROVIDERS_MAX),
    }
  }
  const draw = new ProviderDraw<number>({
    limit: PROVIDERS_MAX,
    idOf: (peer) => peer,
    random: () => lot.float(),
  })
  return {
    question: () => ({
      enough: PROVIDERS_MAX,
      providersAt: (peer) => draw.add(namedBy(peer)),
    }),
    providers: (found) => [...found, ...draw.rest()],
  }
}

/** Each liar invents others, so that they do not count as one. */
function inventedBy(peer: number, invented: readonly number[]): number[] {
  return invented.map((one) => one - peer * PROVIDERS_MAX)
}

/** Everybody within the distance in which twenty of a network of this size are expected. */
function widely(world: World, place: Place): number[] {
  const { ids, rules } = world
  const span = (rules.bucketSize / ids.count) * 2 ** 32
  return nearest(ids, place, ids.count, () => true).filter(
    (peer) => ((ids.high[peer] as number) ^ place.high) >>> 0 <= span,
  )
}

function honestPeer(world: World, bad: Uint8Array, draw: Random): () => number {
  return () => {
    for (;;) {
      const peer = draw.between(0, world.ids.count - 1)
      if (bad[peer] === 0) return peer
    }
  }
}

/** The honest network with the attacker's peers among it, in the tables as everybody else is. */
function buildAttacked(
  { seed, peers, crowd, sybils, defence }: AttackPlan,
  places: readonly Place[],
): { world: World; bad: Uint8Array } {
  const random = new Random(`${seed}/attack/ids`)
  const base = randomIds(random, peers)
  const values = Float64Array.from(
    base.high,
    (high, i) => high * 2 ** LOW_BITS + (base.low[i] as number),
  )
  const target = places[0]
  if (target === undefined) throw new RangeError('no key to attack')
  // Next to the key: nearer than any honest peer is, which of ten thousand costs some thousand new keys for each.
  const near = Array.from(
    { length: sybils },
    (_, i) =>
      ((target.high ^ (i + 1)) >>> 0) * 2 ** LOW_BITS + random.between(0, 2 ** LOW_BITS - 1),
  )
  const chosen = new Set(near)
  const crowded = new Set([...values].filter(() => random.chance(crowd)))
  const ids = idsOf(Float64Array.from([...values, ...near]))
  const bad = Uint8Array.from(ids.high, (high, i) => {
    const value = high * 2 ** LOW_BITS + (ids.low[i] as number)
    return chosen.has(value) || crowded.has(value) ? 1 : 0
  })
  const rules = defence.paths === undefined ? {} : { paths: defence.paths }
  return { world: buildWorld({ seed: `${seed}/attack/world`, peers: ids.count, ids, rules }), bad }
}
