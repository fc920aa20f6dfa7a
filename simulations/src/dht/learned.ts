import { Random } from '../kernel/random.ts'
import { nearest } from './ids.ts'
import type { KadRules } from './kad-rules.ts'
import { Lookups } from './lookup.ts'
import { randomPlace } from './random-place.ts'
import { meetOthers } from './settle.ts'
import { mean } from './statistics.ts'
import { buildWorld } from './world.ts'

const PATIENT_MS = 180_000
/** Contacts are pinged again when they are older than ten minutes; here nobody goes. */
const ROUND_MS = 300_000

export interface LearnedPlan {
  readonly seed: string
  readonly peers: number
  readonly rules: Partial<KadRules>
  /** Rounds of maintenance, after which tables are as they stay. */
  readonly rounds: number
  /** Lookups at random places in each round besides. */
  readonly further: number
  readonly lookups: number
}

export interface TableFigures {
  readonly peers: number
  readonly contacts: number
  readonly askedMean: number
  readonly nearestFound: number
}

/** A network that nobody leaves, in which every table was learned by real lookups: what real nodes are held against. */
export function runLearned({
  seed,
  peers,
  rules,
  rounds,
  further,
  lookups,
}: LearnedPlan): TableFigures {
  const world = buildWorld({ seed: `${seed}/learned/${peers}`, peers, rules, learned: true })
  const random = new Random(`${seed}/learned/${peers}/meetings`)
  const engine = new Lookups(world, random.fork('ways'))
  const meeting = { world, lookups: engine, random }
  for (let round = 0; round < rounds; round++)
    for (let peer = 0; peer < peers; peer++)
      meetOthers(meeting, peer, { further, now: round * ROUND_MS })
  const results = Array.from({ length: lookups }, () => {
    const from = random.between(0, peers - 1)
    const place = randomPlace(random)
    const { asked, closest } = engine.run({ from, place, deadlineMs: PATIENT_MS })
    const truth = nearest(world.ids, place, world.rules.bucketSize, (peer) => peer !== from)
    return { asked, near: closest.filter((peer) => truth.includes(peer)).length / truth.length }
  })
  return {
    peers,
    contacts: mean(Array.from({ length: peers }, (_, peer) => world.tables.size(peer))),
    askedMean: mean(results.map(({ asked }) => asked)),
    nearestFound: mean(results.map(({ near }) => near)),
  }
}
