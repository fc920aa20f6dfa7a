import { setTimeout } from 'node:timers/promises'
import type { SettlementStore } from '../db/store.ts'
import { History } from './history.ts'
import { Metrics, SECONDS } from './metrics.ts'
import { defaultPressureLimits, Pressure, type PressureLimits } from './pressure.ts'

export interface OperationsOptions {
  readonly limits?: Partial<PressureLimits>
  /** What a scraper of metrics sends; without it nobody may read them. */
  readonly metricsToken?: string
  /** Whether Stripe's address answers: a warning, for receipts are booked without it. */
  readonly stripeReachable?: () => Promise<boolean>
  /** When the process began, milliseconds since 1970. */
  readonly startedAt?: number
}

export interface Readiness {
  readonly ready: boolean
  /** Why not. */
  readonly reasons: readonly string[]
  /** What does not keep requests away. */
  readonly warnings: readonly string[]
}

/** Longer is no answer to a balancer, which gives up itself. */
const PING_MS = 3_000

/** How this process is doing, and whether it should be given requests. */
export class Operations {
  readonly pressure = new Pressure()
  readonly metrics = new Metrics()
  readonly limits: PressureLimits
  /** Written where somebody watches: see `watchHistory`. */
  readonly history: History
  /** Told by what counts them. */
  requestsInFlight = (): number => 0
  readonly metricsToken: string | undefined
  readonly #stripeReachable: () => Promise<boolean>
  #draining = false

  constructor(options: OperationsOptions = {}) {
    this.limits = { ...defaultPressureLimits(), ...options.limits }
    this.history = new History(this.metrics.tally, SECONDS, options.startedAt ?? Date.now())
    this.metricsToken = options.metricsToken
    this.#stripeReachable = options.stripeReachable ?? (async () => true)
  }

  /** The process is about to stop: it answers, but wants no new connections. */
  get draining(): boolean {
    return this.#draining
  }

  /** Tells balancers by `/readyz`, and goes on for so long that they notice. */
  async drain(ms: number): Promise<void> {
    this.#draining = true
    if (ms > 0) await setTimeout(ms)
  }

  async readiness(store: SettlementStore): Promise<Readiness> {
    const reasons: string[] = []
    if (this.#draining) reasons.push('stopping')
    const overload = this.pressure.overload
    if (overload !== undefined) reasons.push(overload.what)
    const [answers, reachable] = await Promise.all([
      isAnswering(store),
      this.#stripeReachable().catch(() => false),
    ])
    if (!answers) reasons.push('database')
    const warnings = reachable ? [] : ['stripe-unreachable']
    return { ready: reasons.length === 0, reasons, warnings }
  }
}

async function isAnswering(store: SettlementStore): Promise<boolean> {
  const stop = new AbortController()
  try {
    return await Promise.race([
      store.ping().then(() => true),
      setTimeout(PING_MS, false, { signal: stop.signal }),
    ])
  } catch {
    return false
  } finally {
    stop.abort()
  }
}
