import type { PicoEuro } from '@hanse/protocol'
import type { GpuReading, Machine } from '../machine/machine.ts'
import type { ReachabilityReport } from '../network/reachability.ts'
import type { RevocationStatus } from '../settlement/authorizations/revocation-watch.ts'

/** Everything that an owner may want to know of a running provider, at one moment. Never holds a prompt or an answer. */
export interface ProviderStatus {
  readonly peerId: string
  readonly network: string
  readonly country: string
  /** Of this program, such as `0.1.0`. */
  readonly version: string
  /** Milliseconds since 1970. */
  readonly now: number
  readonly startedAt: number
  readonly state: 'serving' | 'paused' | 'draining'
  /** Why it is paused, in the owner's words: `outside the schedule`, `paused by the owner`, `nvidia:0 is at 91 °C`. */
  readonly pausedBy: readonly string[]
  readonly addresses: readonly string[]
  readonly connections: number
  /** Whether strangers can dial this node, as far as is known. */
  readonly reachability: 'direct' | 'relayed' | 'unreachable' | 'unknown'
  /** What the market was last told; `undefined` before the first time. */
  readonly live: LiveOffer | undefined
  readonly evidenceLevel: number
  /** Milliseconds since 1970; 0 without evidence. */
  readonly evidenceUntil: number
  readonly models: readonly ModelStatus[]
  readonly engines: readonly EngineStatus[]
  readonly machine: Machine
  readonly gpus: readonly GpuReading[]
  readonly sessions: readonly SessionStatus[]
  readonly totals: ProviderTotals
  readonly settlement: SettlementStatus | undefined
}

export interface LiveOffer {
  readonly cid: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** Peers of the DHT that took it. */
  readonly peersTold: number
}

export interface ModelStatus {
  readonly id: string
  readonly engine: string
  readonly engineModel: string
  readonly slots: number
  readonly busy: number
  readonly queued: number
  /** Pico-euro per token. */
  readonly inputPrice: PicoEuro
  readonly outputPrice: PicoEuro
  /** Of one answer, as measured lately; `null` before the first. */
  readonly tokensPerSecond: number | null
  readonly state: 'loaded' | 'loading' | 'unloaded' | 'failed' | 'unknown'
}

export interface EngineStatus {
  readonly name: string
  readonly ready: boolean
  readonly message: string
}

export interface SessionStatus {
  readonly session: string
  readonly consumer: string
  readonly model: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly phase: 'queued' | 'streaming'
  readonly outputTokens: number
}

/** Since this daemon started. */
export interface ProviderTotals {
  readonly sessions: number
  /** Ended with a whole answer. */
  readonly completed: number
  /** By error code: why orders were turned away, and why sessions broke. */
  readonly rejected: Readonly<Record<string, number>>
  readonly failed: Readonly<Record<string, number>>
  readonly inputTokens: number
  readonly outputTokens: number
  /** By countersigned receipts, before the platform fee. */
  readonly earned: PicoEuro
  /** Output tokens a second over the last ten seconds. */
  readonly tokensPerSecond: number
}

export interface SettlementStatus {
  readonly url: string
  readonly reachable: boolean
  /** `undefined` until it answered. */
  readonly payable: boolean | undefined
  readonly onboardingUrl: string | undefined
  /** Receipts that settlement has not acknowledged. */
  readonly unsettled: number
  /** Of these, what it has refused for good, by error code. */
  readonly refused: Readonly<Record<string, number>>
  readonly message: string
  /** Authorizations that were revoked, as far as this provider knows. */
  readonly revocations?: RevocationStatus | undefined
}

/** What an owner may ask of a running provider, from a terminal of this machine or another one. */
export interface ProviderControl {
  status(): Promise<ProviderStatus>
  /** Asks some peers now to dial this node; takes seconds, and peers answer only now and then. */
  reachability(): Promise<ReachabilityReport>
  /** Takes no new sessions and leaves the market; running ones go on. */
  pause(): Promise<void>
  /** Undoes `pause`; a schedule or a hot GPU may still hold it back. */
  resume(): Promise<void>
  /** Takes no new sessions, lets running ones finish, then ends the daemon. */
  drain(): Promise<void>
}
