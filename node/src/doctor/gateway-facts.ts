import type { PicoEuro } from '@hanse/protocol'
import type { Finding } from './finding.ts'
import type { BootstrapView, ClockReading, MachineProbe } from './provider-facts.ts'

/** What of a gateway's settings the judgements rest on. Never a secret itself. */
export interface GatewayTerms {
  readonly url: string
  readonly host: string
  readonly hasApiKey: boolean
  readonly bootstrap: readonly string[]
  readonly residency: readonly string[]
  readonly minLevel: number
  readonly trusted: number
  readonly settlementUrl: string | undefined
  readonly hasSettlementKey: boolean
  readonly euAudit: boolean
  readonly authorizationAmount: PicoEuro
}

/** How the gateway answers over HTTP. */
export type GatewayView =
  | {
      readonly answers: true
      readonly peerId: string
      readonly connections: number
      /** `undefined` when it refused to tell. */
      readonly offers: OffersView | undefined
      /** Why, by error code. */
      readonly refusal: string | undefined
      /** Whether its log has a checkpoint. */
      readonly checkpoint: boolean
      /** Whether a lawful basis stands; `undefined` when it was not told, or none is asked for. */
      readonly hasBasis: boolean | undefined
    }
  | { readonly answers: false; readonly message: string }

export interface OffersView {
  /** That the gateway runs with. */
  readonly minLevel: number
  readonly candidates: number
  readonly freeSlots: number
  readonly excluded: readonly {
    readonly code: string
    readonly message: string
    readonly change: string
  }[]
}

export interface GatewaySettlementProbe {
  readonly reachable: boolean
  readonly message: string
  /** Of the organization; `undefined` when it was not told. */
  readonly available: PicoEuro | undefined
  /** Why the balance was not told, by error code. */
  readonly refusal: string | undefined
  /** Whether the organization has this gateway among its consumers. */
  readonly member: 'yes' | 'no' | 'unknown'
}

export interface GatewayFacts {
  readonly terms: GatewayTerms
  readonly view: GatewayView
  readonly bootstraps: readonly BootstrapView[]
  readonly settlement: GatewaySettlementProbe | undefined
  /** `undefined` when there is no store yet; else what SQLite says of it, `ok` when it is whole. */
  readonly store: string | undefined
  readonly clocks: readonly ClockReading[]
  readonly machine: MachineProbe
}

/** Facts in, one finding out; `undefined` when the question does not arise. */
export type GatewayCheck = (facts: GatewayFacts) => Finding | undefined
