import type { PicoEuro, ResidencyPolicy } from '@hanse/protocol'
import type { RequestKind } from '../engine/engine.ts'

/** What of a choice counts most. */
export const SORTS = ['balanced', 'price', 'latency', 'throughput'] as const
export type Sort = (typeof SORTS)[number]

/**
 * How one request wants to be served. It can only narrow what the node itself allows: a request never leaves a region, and
 * never pays a price, that the owner of the node has ruled out.
 */
export interface RequestPolicy {
  /** Where the prompt may be processed; the node's own regions when absent. */
  readonly regions?: ResidencyPolicy['allow']
  /** Least evidence of location. */
  readonly minLevel?: number
  /** Kinds of evidence that there must be, on top of the node's own. */
  readonly evidence?: NonNullable<ResidencyPolicy['evidence']>
  /** Highest acceptable prices, pico-euro per token. */
  readonly maxInputPrice?: PicoEuro
  readonly maxOutputPrice?: PicoEuro
  /** What counts most; the node's own setting when absent. */
  readonly sort?: Sort
  /** Peer ids: no others are asked. */
  readonly only?: readonly string[]
  /** Peer ids that are not asked. */
  readonly ignore?: readonly string[]
  /** Peer ids to ask first, in this order. */
  readonly order?: readonly string[]
  /** Whether another provider may be asked when the first one fails, or stops in mid-answer; true when absent. */
  readonly allowFallbacks?: boolean
  /** Models to take, in this order, when nobody serves the one that was asked for. */
  readonly models?: readonly string[]
  /** Ask a second provider when the first is slower than usual; the node's own setting when absent. */
  readonly hedge?: boolean
  /** Requests that name the same are sent to the same provider where possible: its prefix cache knows the beginning. */
  readonly affinity?: string
  /** Longest the whole answer may take, ms. */
  readonly deadlineMs?: number
}

/** An OpenAI request, as it came, with what has to be known of it. */
export interface InferenceRequest {
  readonly kind: RequestKind
  /** Id or alias. */
  readonly model: string
  /** The request body, JSON bytes. */
  readonly body: Uint8Array
  /** The same, parsed, where whoever made the request has it. */
  readonly json?: unknown
  /** What the client asked for, tokens. */
  readonly maxOutputTokens: number | undefined
  readonly policy: RequestPolicy
}

/** Whose money a request costs, where the node keeps budgets. */
export interface Account {
  /**
   * Sets aside what an order may cost at most, before it is signed.
   *
   * @param model the one that is ordered, by its id
   * @throws {HanseError} HANSE_BUDGET_EXHAUSTED, HANSE_BUDGET_RESERVED
   */
  reserve(most: PicoEuro, model?: string): Reservation
}

export interface Reservation {
  /** The order was signed: what receipts of this session come to is on this account. */
  begin(session: string): void
  /** The session has ended, or no order was made: what it did not cost is free again. */
  release(): void
}

/** What goes with a request and is not of it. */
export interface RequestOptions {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
  readonly account?: Account | undefined
  /** `traceparent` of W3C Trace Context, passed on to providers. */
  readonly trace?: string | undefined
}
