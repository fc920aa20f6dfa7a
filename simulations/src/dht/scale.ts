import { Random } from '../kernel/random.ts'
import { nearest } from './ids.ts'
import type { KadRules } from './kad-rules.ts'
import { Lookups } from './lookup.ts'
import { LOOKUP_MS } from './production-rules.ts'
import { other, randomPlace } from './random-place.ts'
import { mean, quantile } from './statistics.ts'
import { buildWorld } from './world.ts'

/** Long enough that no lookup is cut short: what is measured is how long they take. */
const PATIENT_MS = 180_000

export interface ScaleRow {
  readonly peers: number
  readonly lookups: number
  readonly contacts: number
  readonly askedMean: number
  readonly hopsP50: number
  readonly hopsP95: number
  readonly msP50: number
  readonly msP95: number
  /** Share of the peers truly nearest to the key that a lookup found. */
  readonly nearestFound: number
  /** Share of look-ups by a consumer that found the provider within its patience. */
  readonly found: number
  readonly firstProviderP50: number
  readonly firstProviderP95: number
}

export interface ScalePlan {
  readonly seed: string
  readonly peers: number
  readonly lookups: number
  readonly rules?: Partial<KadRules>
}

/** Everybody is there and nobody comes or goes: what a lookup costs, and whether what one provides is what another finds. */
export function runScale({ seed, peers, lookups, rules = {} }: ScalePlan): ScaleRow {
  const world = buildWorld({ seed: `${seed}/scale/${peers}`, peers, rules })
  const draw = new Random(`${seed}/scale/${peers}/lookups`)
  const engine = new Lookups(world, draw.fork('ways'))
  const rows = Array.from({ length: lookups }, () => {
    const place = randomPlace(draw)
    const provider = draw.between(0, peers - 1)
    const provided = engine.run({ from: provider, place, deadlineMs: PATIENT_MS })
    const truth = new Set(
      nearest(world.ids, place, world.rules.bucketSize, (one) => one !== provider),
    )
    const holders = new Set([...provided.closest, provider])
    const from = other(draw, peers, provider)
    const looked = engine.run({
      from,
      place,
      deadlineMs: LOOKUP_MS,
      enough: 1,
      providersAt: (peer) => (holders.has(peer) ? [provider] : undefined),
    })
    const near = provided.closest.filter((peer) => truth.has(peer)).length / truth.size
    return { provided, looked, near, contacts: world.tables.size(provider) }
  })
  const of = (figure: (row: (typeof rows)[number]) => number) => rows.map(figure)
  const firsts = rows.flatMap(({ looked }) => looked.firstProviderMs ?? [])
  return {
    peers,
    lookups,
    contacts: mean(of(({ contacts }) => contacts)),
    askedMean: mean(of(({ provided }) => provided.asked)),
    hopsP50: quantile(
      of(({ provided }) => provided.hops),
      0.5,
    ),
    hopsP95: quantile(
      of(({ provided }) => provided.hops),
      0.95,
    ),
    msP50: quantile(
      of(({ provided }) => provided.ms),
      0.5,
    ),
    msP95: quantile(
      of(({ provided }) => provided.ms),
      0.95,
    ),
    nearestFound: mean(of(({ near }) => near)),
    found: firsts.length / lookups,
    firstProviderP50: quantile(firsts, 0.5),
    firstProviderP95: quantile(firsts, 0.95),
  }
}
