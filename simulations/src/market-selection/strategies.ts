import type { MatchedOffer } from '@hanse/protocol'
import type { Random } from '../kernel/index.ts'
import type { SeenOffer } from './provider-model.ts'
import { ROUTING_DEFAULTS, type RoutingSettings } from './routing.ts'

type Candidate = MatchedOffer<SeenOffer>

/** How a consumer chooses: by the node's own router, or by a rule of thumb that asks the next one when one fails. */
export type Strategy =
  | { readonly name: string; readonly routing: RoutingSettings }
  | {
      readonly name: string
      readonly arrange: (candidates: readonly Candidate[], random: Random) => readonly Candidate[]
    }

const routed = (name: string, changes: Partial<RoutingSettings>): Strategy => ({
  name,
  routing: { ...ROUTING_DEFAULTS, ...changes },
})

export const STRATEGIES: readonly Strategy[] = [
  routed('router', {}),
  routed('router, hedging', { hedge: true }),
  routed('router, sort price', { sort: 'price' }),
  routed('router, sort latency', { sort: 'latency' }),
  routed('router, sort throughput', { sort: 'throughput' }),
  { name: 'random', arrange: (candidates, random) => shuffled(candidates, random) },
  { name: 'cheapest', arrange: cheapestFirst },
  { name: 'cheapest that is free', arrange: (candidates) => freeFirst(cheapestFirst(candidates)) },
  { name: 'fastest by offer', arrange: fastestFirst },
  { name: 'fastest that is free', arrange: (candidates) => freeFirst(fastestFirst(candidates)) },
]

function cheapestFirst(candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates.toSorted((a, b) => Number(a.model.outputPrice - b.model.outputPrice))
}

/** By what they say. */
function fastestFirst(candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates.toSorted(
    (a, b) => (b.model.tokensPerSecond ?? 0) - (a.model.tokensPerSecond ?? 0),
  )
}

/** Those with a free slot, when their offer was fetched, before the others. */
function freeFirst(candidates: readonly Candidate[]): readonly Candidate[] {
  const isFree = ({ model }: Candidate) => model.freeSlots > 0
  return [...candidates.filter(isFree), ...candidates.filter((each) => !isFree(each))]
}

function shuffled<Item>(items: readonly Item[], random: Random): readonly Item[] {
  return items
    .map((item) => ({ item, place: random.float() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item)
}
