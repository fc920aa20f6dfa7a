import { ATTACK, type AttackOutcome, type Defence, type Lie, runAttack } from './attacks.ts'
import { CALIBRATION } from './calibration.ts'
import { CHURN, type ChurnOutcome, type ChurnPlan, runChurn } from './churn.ts'
import { HOT_KEY, type HotKeyOutcome, runHotKey } from './hot-keys.ts'
import { KAD_DHT, type KadRules } from './kad-rules.ts'
import { runLearned, type TableFigures } from './learned.ts'
import { runScale, type ScaleRow } from './scale.ts'

const SIZES = [100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000]
const LOOKUPS = 200
/** Tables around the own id, and deeper tries, are compared up to here: a deeper trie of a million needs 20 GiB. */
const COMPARED_MAX = 100_000
/** Learning a table costs a thousand times what drawing it costs. */
const LEARNED_SIZES = [100, 300, 1_000, 3_000]

export const TABLES: Readonly<Record<string, Partial<KadRules>>> = {
  'as installed': {},
  'prefixLength 8': { prefixLength: 8 },
  'around the own id': { shape: 'self-centred' },
}

export const CHURNS: Readonly<Record<string, Partial<ChurnPlan>>> = {
  'as it is': {},
  'records told once': { renewMs: undefined },
  "kad-dht's own lifetimes": {
    records: {
      validity: KAD_DHT.validityMs,
      interval: KAD_DHT.sweepMs,
      threshold: KAD_DHT.thresholdMs,
    },
    renewMs: KAD_DHT.validityMs - KAD_DHT.thresholdMs,
  },
  'tables left alone': { maintains: false },
}

/** The key as nodes read it, with others that it could be split into; and without the lot, what holders name first. */
const HOT_KEYS = [
  { shards: 1, lot: false },
  ...[1, 4, 16, 64].map((shards) => ({ shards, lot: true })),
]
const CROWDS = [0, 0.1, 0.2, 0.3, 0.5]
const SYBILS = [0, 5, 10, 20, 40]
export const DEFENCES: Readonly<Record<string, Defence>> = {
  'as it is': {},
  'without cap and lot': { uncapped: true },
  'one path': { paths: 1 },
  'four keys': { keys: 4 },
  'wide records': { wide: true },
}

export interface DhtPlan {
  readonly seed: string
  /** The largest network. */
  readonly peersMax: number
  /** Of the networks under churn, with hot keys and under attack. */
  readonly peers: number
  /** Of virtual time under churn, of which the first half only settles. */
  readonly hours: number
  /** Of `DEFENCES`, those that are tried. */
  readonly defences: readonly string[]
}

export const DHT: DhtPlan = {
  seed: 'dht 0',
  peersMax: 100_000,
  peers: CHURN.peers,
  hours: CHURN.hours,
  defences: Object.keys(DEFENCES),
}

export interface DhtResults {
  readonly plan: DhtPlan
  readonly scale: readonly { readonly tables: string; readonly rows: readonly ScaleRow[] }[]
  readonly learned: readonly TableFigures[]
  readonly calibration: {
    readonly production: readonly TableFigures[]
    readonly small: readonly TableFigures[]
  }
  readonly churn: readonly ({ readonly name: string } & ChurnOutcome)[]
  readonly hotKey: readonly HotKeyOutcome[]
  readonly attacks: readonly ({
    readonly crowd: number
    readonly sybils: number
    readonly lie: Lie
    readonly defence: string
  } & AttackOutcome)[]
}

/** Every part has a seed of its own, so that it comes out the same whatever else runs. */
export function runDht(plan: DhtPlan, progress: (done: number, text: string) => void): DhtResults {
  const { seed, peers, hours } = plan
  return {
    plan,
    scale: runScales(plan, (text) => progress(0, text)),
    learned: LEARNED_SIZES.filter((size) => size <= plan.peersMax).map((size) => {
      progress(0.4, `${size} peers that learn their tables`)
      return runLearned({ seed, peers: size, rules: {}, rounds: 2, further: 2, lookups: LOOKUPS })
    }),
    calibration: modelOfCalibration(seed),
    churn: Object.entries(CHURNS).map(([name, changes], i) => {
      progress(0.5 + i / 10, `churn: ${name}`)
      return {
        name,
        ...runChurn({ ...CHURN, seed, peers, hours, warmUpHours: hours / 2, ...changes }),
      }
    }),
    hotKey: HOT_KEYS.map(({ shards, lot }) => {
      progress(0.9, `${shards} shards`)
      return runHotKey({ ...HOT_KEY, seed, peers, shards, lot })
    }),
    attacks: runAttacks(plan, (text) => progress(0.95, text)),
  }
}

export function runScales(
  { seed, peersMax }: DhtPlan,
  progress: (text: string) => void,
): DhtResults['scale'] {
  return Object.entries(TABLES).map(([tables, rules], i) => {
    const most = i === 0 ? peersMax : Math.min(peersMax, COMPARED_MAX)
    const rows = SIZES.filter((size) => size <= most).map((peers) => {
      progress(`${peers} peers, tables ${tables}`)
      return runScale({ seed, peers, lookups: LOOKUPS, rules })
    })
    return { tables, rows }
  })
}

function modelOfCalibration(seed: string): DhtResults['calibration'] {
  const { sizes, small, rounds } = CALIBRATION
  const model = (rules: Partial<KadRules>, times: number) =>
    sizes.map((peers) =>
      runLearned({ seed, peers, rules, rounds: times, further: 0, lookups: LOOKUPS }),
    )
  return { production: model({}, rounds.production), small: model(small, rounds.small) }
}

function runAttacks(
  { seed, peers, defences }: DhtPlan,
  progress: (text: string) => void,
): DhtResults['attacks'] {
  const cases = [
    ...CROWDS.map((crowd) => ({ crowd, sybils: 0 })),
    ...SYBILS.slice(1).map((sybils) => ({ crowd: 0, sybils })),
  ]
  const tried = Object.entries(DEFENCES).filter(([name]) => defences.includes(name))
  return tried.flatMap(([defence, means]) =>
    (['withhold', 'flood'] as const).flatMap((lie) =>
      cases.map(({ crowd, sybils }) => {
        progress(`attack: ${lie}, ${defence}`)
        const outcome = runAttack({ ...ATTACK, seed, peers, crowd, sybils, lie, defence: means })
        return { crowd, sybils, lie, defence, ...outcome }
      }),
    ),
  )
}
