import { type PicoEuro, picoEuro, type Residency } from '@hanse/protocol'
import type { ClockError, LinkQuality, Partition, Random, StreamFaults } from '../kernel/index.ts'
import {
  type Cheat,
  COLLUSIONS,
  CONSUMER_CHEATS,
  type Collusion,
  type ConsumerCheat,
  PROVIDER_CHEATS,
  type ProviderCheat,
} from './cheats.ts'

/** 2026-11-02T00:00:00Z: virtual time zero. */
export const EPOCH = 1_793_577_600_000
/** When all faults end, virtual milliseconds. */
export const HEAL_MS = 150_000
/** Long enough after that for deadlines, keep-alives and every second attempt to reach settlement. */
export const HORIZON_MS = HEAL_MS + 240_000

/** What a provider shows of where it is. Only `valid` proves anything. */
export const ATTESTATIONS = [
  'valid',
  'none',
  'expired',
  'not-yet-valid',
  'forged',
  'wrong-subject',
  'untrusted',
  'elsewhere',
] as const
export type AttestationKind = (typeof ATTESTATIONS)[number]

export interface CrashPlan {
  /** Crash points passed before it comes. */
  readonly after: number
  readonly kind: 'kill' | 'power-cut'
  readonly downMs: number
}

export interface ProviderPlan {
  readonly name: string
  readonly country: string
  readonly attestation: AttestationKind
  /** Since when settlement would pay it, virtual milliseconds; far in the past for most. */
  readonly payableSince: number
  readonly inputPrice: PicoEuro
  readonly outputPrice: PicoEuro
  readonly maxOutputTokens: number
  readonly slots: number
  readonly unsecuredCredit: PicoEuro
  readonly minAuthorization: PicoEuro
  readonly creditWindowMax: PicoEuro
  readonly countsInput: boolean
  readonly feeBps: number
  readonly clock: ClockError
  readonly crashes: readonly CrashPlan[]
  readonly cheat: ProviderCheat | undefined
}

export interface ConsumerPlan {
  readonly name: string
  readonly organization: string
  readonly residency: Residency
  readonly receiptEvery: bigint
  readonly creditWindowMax: PicoEuro
  readonly deadlineMs: number
  /** In sessions of the largest cost. */
  readonly authorizationSessions: number
  readonly authorizationMs: number
  readonly clock: ClockError
  readonly crashes: readonly CrashPlan[]
  readonly cheat: ConsumerCheat | undefined
}

export interface EnginePlan {
  readonly chunks: readonly number[]
  readonly stepMs: number
  readonly input: 'first' | 'last' | 'never'
  readonly end: 'completed' | 'length' | 'fails' | 'hangs'
  readonly inputTokens: number
}

export interface TaskPlan {
  readonly at: number
  readonly consumer: number
  readonly provider: number
  readonly promptBytes: number
  readonly maxOutputTokens: number
  /** Of the offered prices. */
  readonly bidPercent: number
  /** Rounds in which it meets a quote in the middle. */
  readonly haggles: number
  readonly cancelAfterMs: number | undefined
  readonly engine: EnginePlan
}

/** A world and what will happen in it, all drawn from the seed before it begins. */
export interface Scenario {
  readonly providers: readonly ProviderPlan[]
  readonly consumers: readonly ConsumerPlan[]
  /** Prepaid, pico-euro, by organization. */
  readonly balances: ReadonlyMap<string, PicoEuro>
  readonly tasks: readonly TaskPlan[]
  readonly writers: number
  readonly settlementCrashes: readonly CrashPlan[]
  readonly holdGraceMs: number
  readonly quality: LinkQuality
  readonly partitions: readonly Partition[]
  readonly streamFaults: StreamFaultPlan
  readonly collusions: readonly { readonly at: number; readonly kind: Collusion }[]
}

export interface StreamFaultPlan {
  readonly cut: number
  readonly broken: number
}

/** Without a focus all of them; with one that is no cheat at all, none. */
function cheatsOf(focus: Cheat | undefined) {
  const only = <Name extends Cheat>(names: readonly Name[]) =>
    focus === undefined ? names : names.filter((name) => name === focus)
  return {
    provider: only(PROVIDER_CHEATS),
    consumer: only(CONSUMER_CHEATS),
    collusions: only(COLLUSIONS),
  }
}

const COUNTRIES = ['DE', 'DE', 'FR', 'FR', 'NO', 'US', 'CH']
const POLICIES: readonly Residency[] = [
  { allow: [], minLevel: 0 },
  { allow: [], minLevel: 0 },
  { allow: ['EU'], minLevel: 3 },
  { allow: ['EU'], minLevel: 0 },
  { allow: ['EU', 'US', 'CH', 'NO'], minLevel: 3 },
  { allow: ['EEA'], minLevel: 1 },
  { allow: ['DE', 'CH'], minLevel: 3 },
]

/** @param focus the one thing that cheats do in this world, if not any */
export function drawScenario(random: Random, focus?: Cheat): Scenario {
  const hostile = random.chance(0.75) || focus !== undefined
  const spoil = cheatsOf(focus)
  const providers = draw(random.between(1, 4), (i) =>
    drawProvider(random.fork(`provider ${i}`), i, hostile ? spoil.provider : []),
  )
  const consumers = draw(random.between(1, 3), (i) =>
    drawConsumer(random.fork(`consumer ${i}`), i, hostile ? spoil.consumer : []),
  )
  const faulty = random.fork('faults')
  const balances = new Map(
    consumers.map(({ organization }) => [
      organization,
      picoEuro(BigInt(random.between(2, 40)) * 1_000_000_000n),
    ]),
  )
  return {
    providers,
    consumers,
    balances,
    tasks: draw(random.between(2, 8), (i) =>
      drawTask(random.fork(`task ${i}`), providers.length, consumers.length),
    ).sort((a, b) => a.at - b.at),
    writers: random.between(1, 2),
    settlementCrashes: drawCrashes(faulty, 0.3, 12),
    holdGraceMs: random.pick([5_000, 600_000, 86_400_000]),
    quality: {
      latencyMs: random.between(1, 60),
      jitterMs: random.between(1, 40),
      loss: faulty.pick([0, 0, 0.02, 0.1, 0.25]),
      duplication: faulty.pick([0, 0.1, 0.4]),
    },
    partitions: drawPartitions(
      faulty,
      [...providers, ...consumers].map(({ name }) => name),
    ),
    streamFaults: { cut: faulty.pick([0, 0.1, 0.4]), broken: faulty.pick([0, 0, 0.3]) },
    collusions:
      hostile && spoil.collusions.length > 0
        ? draw(random.between(0, 6), (i) => ({
            at: 10_000 + i * 20_000 + random.between(0, 9_000),
            kind: random.pick(spoil.collusions),
          }))
        : [],
  }
}

function drawProvider(random: Random, i: number, cheats: readonly ProviderCheat[]): ProviderPlan {
  const country = random.pick(COUNTRIES)
  const price = (most: number) => picoEuro(BigInt(random.between(50_000, most)))
  return {
    name: `provider-${i}`,
    country,
    attestation: random.chance(0.8) ? 'valid' : random.pick(ATTESTATIONS),
    payableSince: random.chance(0.8) ? -86_400_000 : random.between(-60_000, 0),
    inputPrice: price(200_000),
    outputPrice: price(500_000),
    maxOutputTokens: random.between(20, 300),
    slots: random.between(1, 3),
    unsecuredCredit: picoEuro(random.chance(0.1) ? 1_000_000_000n : 0n),
    minAuthorization: picoEuro(0n),
    creditWindowMax: picoEuro(1_000_000_000n),
    countsInput: random.chance(0.6),
    feeBps: random.pick([0, 333, 2500]),
    clock: drawClock(random),
    crashes: drawCrashes(random, 0.35, 150),
    cheat: cheats.length > 0 && random.chance(0.5) ? random.pick(cheats) : undefined,
  }
}

function drawConsumer(random: Random, i: number, cheats: readonly ConsumerCheat[]): ConsumerPlan {
  return {
    name: `consumer-${i}`,
    organization: `org-${random.between(0, i)}`,
    residency: random.pick(POLICIES),
    receiptEvery: BigInt(random.between(1, 24)),
    creditWindowMax: picoEuro(BigInt(random.between(5_000_000, 60_000_000))),
    deadlineMs: random.between(1_000, 20_000),
    authorizationSessions: random.between(1, 3),
    authorizationMs: random.pick([40_000, 120_000, 3_600_000]),
    clock: drawClock(random),
    crashes: drawCrashes(random, 0.3, 150),
    cheat: cheats.length > 0 && random.chance(0.45) ? random.pick(cheats) : undefined,
  }
}

function drawTask(random: Random, providers: number, consumers: number): TaskPlan {
  const widest = random.pick([2, 4, 12])
  const chunks = draw(random.between(0, 40), () => random.between(0, widest))
  // Half of the sessions begin together: those of one consumer with one provider share an authorization.
  return {
    at: random.chance(0.5) ? random.between(0, 3_000) : random.between(0, HEAL_MS - 30_000),
    consumer: random.between(0, consumers - 1),
    provider: random.between(0, providers - 1),
    promptBytes: random.between(1, 60),
    maxOutputTokens: random.between(5, 250),
    bidPercent: random.chance(0.75) ? 100 : random.between(20, 99),
    haggles: random.between(0, 4),
    cancelAfterMs: random.chance(0.12) ? random.between(0, 2_500) : undefined,
    engine: {
      chunks,
      stepMs: random.between(2, 60),
      input: random.pick(['first', 'last', 'never']),
      end: random.chance(0.8)
        ? 'completed'
        : random.pick(['length', 'fails', 'hangs', 'completed'] as const),
      inputTokens: random.between(0, 90),
    },
  }
}

/** Most clocks are within what the protocol tolerates (a minute between two peers), some are not. */
function drawClock(random: Random): ClockError {
  const within = random.between(-29_000, 29_000)
  const skewMs = random.chance(0.4) ? 0 : random.chance(0.85) ? within : within * 20
  return { skewMs, driftPpm: random.chance(0.5) ? 0 : random.between(-500, 500) }
}

function drawCrashes(random: Random, probability: number, within: number): CrashPlan[] {
  const crashes: CrashPlan[] = []
  for (let after = 0; crashes.length < 3 && random.chance(probability); ) {
    after += random.between(1, within)
    crashes.push({
      after,
      kind: random.chance(0.5) ? 'kill' : 'power-cut',
      downMs: random.between(50, 20_000),
    })
  }
  return crashes
}

function drawPartitions(random: Random, names: readonly string[]): Partition[] {
  return draw(random.chance(0.5) ? 0 : random.between(1, 3), () => {
    const from = random.between(0, HEAL_MS - 20_000)
    const [a, b] = random.chance(0.4)
      ? ['settlement', '*']
      : [random.pick(names), random.chance(0.5) ? '*' : random.pick(names)]
    const to = Math.min(HEAL_MS, from + random.between(500, random.pick([5_000, 60_000])))
    return { a, b, from, to }
  })
}

export function drawStreamFaults(random: Random, plan: StreamFaultPlan): StreamFaults {
  const cut = random.chance(plan.cut)
  const broken = random.chance(plan.broken)
  const often = () => (broken && random.chance(0.5) ? random.pick([0.02, 0.1]) : 0)
  return {
    cutAfter: cut ? random.between(0, 30) : undefined,
    halfOpen: random.chance(0.4),
    drop: often(),
    repeat: often(),
    reorder: often(),
    flip: often(),
  }
}

function draw<Value>(count: number, make: (i: number) => Value): Value[] {
  return Array.from({ length: count }, (_, i) => make(i))
}
