import type { KnownOffer, PicoEuro } from '@hanse/protocol'
import type { ReachabilityReport, Twin } from '../network/index.ts'
import type { ProviderStatus } from '../provider/status.ts'
import type { Finding } from './finding.ts'

/** What of a provider's settings the judgements rest on. */
export interface ProviderTerms {
  readonly network: string
  readonly listen: readonly string[]
  readonly bootstrap: readonly string[]
  readonly country: string | undefined
  readonly minAuthorization: PicoEuro
  readonly unsecuredCredit: PicoEuro
  readonly settlementUrl: string | undefined
}

/** One way into the network, as a node that nobody knows has found it. */
export interface BootstrapView {
  readonly address: string
  /** Whether something listens there at all. */
  readonly answers: boolean
  /** Whether it speaks with us: the same private network key, or none on both sides. */
  readonly joined: boolean
}

/** What a node with an identity of its own, made for this look, sees of the market. */
export interface StrangerView {
  readonly bootstraps: readonly BootstrapView[]
  readonly joined: boolean
  /** Whether the DHT lists this provider. */
  readonly listed: boolean
  /** The offer that the provider itself gave, over a connection to an address that it announces. */
  readonly offer: KnownOffer | undefined
  /** Where the provider was dialed. */
  readonly dialed: readonly string[]
  /** What everybody else offers. */
  readonly others: readonly KnownOffer[]
  /** Another daemon that signs with this provider's identity. */
  readonly twin: Twin | undefined
}

/** How far this machine's clock is ahead of another one's. */
export interface ClockReading {
  readonly source: string
  readonly offsetMs: number
}

export interface SettlementProbe {
  readonly url: string
  readonly reachable: boolean
  /** Its peer id, by which consumers trust its attestations. */
  readonly peerId: string | undefined
  /** `undefined` where it knows no account of this provider. */
  readonly payable: boolean | undefined
  readonly onboardingUrl: string | undefined
  /** In one line, when it did not answer as it should. */
  readonly message: string
}

/** One short request, sent straight to the engine. */
export interface EngineProbe {
  readonly engine: string
  readonly model: string
  readonly ready: boolean
  readonly message: string
  /** `undefined` when no request was sent. */
  readonly answer:
    | { readonly tokens: number; readonly firstTokenMs: number; readonly tokensPerSecond: number }
    | { readonly code: string; readonly message: string }
    | undefined
}

export interface MachineProbe {
  readonly dataDir: string
  readonly diskFreeBytes: number | undefined
  readonly memoryFreeBytes: number
  readonly memoryBytes: number
}

/** All that the doctor could find out about a provider; `undefined` is what it could not. */
export interface ProviderFacts {
  readonly now: number
  readonly terms: ProviderTerms
  /** Of this node, when it has an identity yet. */
  readonly peerId: string | undefined
  readonly status: ProviderStatus | undefined
  readonly stranger: StrangerView | undefined
  /** What peers say that the daemon has just asked to dial it. */
  readonly dialBack: ReachabilityReport | undefined
  readonly clocks: readonly ClockReading[]
  readonly settlement: SettlementProbe | undefined
  readonly engines: readonly EngineProbe[]
  readonly machine: MachineProbe
  /** Of the command that asks. */
  readonly version: string
  /** The highest release that an update has seen. */
  readonly latestVersion: string | undefined
}

/** Facts in, one finding out; `undefined` when the question does not arise. */
export type ProviderCheck = (facts: ProviderFacts) => Finding | undefined
