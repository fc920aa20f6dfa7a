import type { PicoEuro } from '@hanse/protocol'
import type { Engine } from '../engine/index.ts'
import type { GpuReading, Machine } from '../machine/index.ts'
import type { ProviderStatistics } from '../metrics/provider-statistics.ts'
import type { Network, ReachabilityReport } from '../network/index.ts'
import { VERSION } from '../version.ts'
import type { Provider } from './provider.ts'
import type { Load } from './scheduling/index.ts'
import type {
  LiveOffer,
  ModelStatus,
  ProviderControl,
  ProviderStatus,
  SessionStatus,
  SettlementStatus,
} from './status.ts'

/** What a provider itself knows of its state. */
export interface ProviderFacts {
  readonly draining: boolean
  readonly pausedBy: readonly string[]
  readonly live: LiveOffer | undefined
  readonly evidenceLevel: number
  readonly evidenceUntil: number
  readonly models: readonly ModelFacts[]
  readonly sessions: readonly SessionStatus[]
  readonly settlement: SettlementStatus | undefined
}

export interface ModelFacts extends Load {
  readonly id: string
  readonly engine: Engine
  readonly engineModel: string
  readonly inputPrice: PicoEuro
  readonly outputPrice: PicoEuro
  readonly tokensPerSecond: number | null
}

export interface ProviderDeskOptions {
  readonly provider: Provider
  readonly network: Pick<
    Network,
    'peerId' | 'addresses' | 'connectionCount' | 'reachability' | 'probeReachability'
  >
  readonly networkName: string
  readonly country: string
  readonly statistics: ProviderStatistics
  readonly machine: Machine
  readonly readGpus: () => Promise<readonly GpuReading[]>
  readonly startedAt: number
  readonly now: () => number
  /** The daemon is to end: nothing runs any more. */
  readonly onDrained: () => void
}

/** For the answer to leave. */
const ANSWER_MS = 500
/** An engine that hangs must not keep its owner from seeing that it does. */
const HEALTH_MS = 3_000
/** Dialing a peer, and what it takes to dial back eight addresses at once. */
const PROBE_MS = 15_000

/** Where an owner asks a running provider how it does, and tells it what to do. */
export class ProviderDesk implements ProviderControl {
  readonly #options: ProviderDeskOptions
  #probe: Promise<ReachabilityReport> | undefined

  constructor(options: ProviderDeskOptions) {
    this.#options = options
  }

  async status(): Promise<ProviderStatus> {
    const { provider, network, statistics, machine, readGpus } = this.#options
    const { networkName, country, startedAt, now } = this.#options
    const { draining, models, ...facts } = provider.facts()
    const engines = [...new Set(models.map(({ engine }) => engine))]
    const [gpus, ...healths] = await Promise.all([
      readGpus().catch(() => []),
      ...engines.map(async (engine) => await engine.health(AbortSignal.timeout(HEALTH_MS))),
    ])
    const states = new Map(
      engines.map((engine, i) => [
        engine,
        new Map(healths[i]?.models.map(({ id, state }) => [id, state])),
      ]),
    )
    const toStatus = ({ engine, engineModel, ...model }: ModelFacts): ModelStatus => ({
      ...model,
      engineModel,
      engine: engine.name,
      state: states.get(engine)?.get(engineModel) ?? 'unknown',
    })
    return {
      ...facts,
      peerId: network.peerId,
      network: networkName,
      country,
      version: VERSION,
      now: now(),
      startedAt,
      state: draining ? 'draining' : facts.pausedBy.length > 0 ? 'paused' : 'serving',
      addresses: network.addresses(),
      connections: network.connectionCount,
      reachability: network.reachability(),
      models: models.map(toStatus),
      engines: engines.map((engine, i) => ({
        name: engine.name,
        ready: healths[i]?.ready ?? false,
        message: healths[i]?.message ?? '',
      })),
      machine,
      gpus,
      totals: statistics.totals(),
    }
  }

  /** Who asks while peers are being asked gets the same answer: peers dial back for nobody twice in a row. */
  async reachability(): Promise<ReachabilityReport> {
    this.#probe ??= this.#options.network
      .probeReachability(AbortSignal.timeout(PROBE_MS))
      .finally(() => {
        this.#probe = undefined
      })
    return await this.#probe
  }

  async pause(): Promise<void> {
    await this.#options.provider.pause()
  }

  async resume(): Promise<void> {
    await this.#options.provider.resume()
  }

  async drain(): Promise<void> {
    await this.#options.provider.drain()
    // Who asked is told before the daemon is gone.
    setTimeout(this.#options.onDrained, ANSWER_MS)
  }
}
