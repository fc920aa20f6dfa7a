import type { ErrorCode, FinalReason, PicoEuro } from '@hanse/protocol'
import type { RequestKind } from '../engine/engine.ts'

export type { RequestKind }

/** How one session that was accepted ended. */
export interface EndedSession {
  /** CID of the order. */
  readonly session: string
  /** Where it belongs in a trace of its consumer: `traceparent` of the order, if there was one. */
  readonly trace: string | null
  /** When the order came, ms since 1970. */
  readonly startedAt: number
  /** As it is offered. */
  readonly model: string
  readonly kind: RequestKind
  readonly reason: FinalReason
  /** Where it is known what went wrong; else the reason's own code is counted. */
  readonly code?: ErrorCode
  /** From the order to the end. */
  readonly durationMs: number
  /** From the order to the first token; `null` when none came. */
  readonly firstTokenMs: number | null
  readonly inputTokens: number
  readonly outputTokens: number
  /** By the last receipt that the consumer countersigned, before the platform fee. */
  readonly earned: PicoEuro
}

/**
 * What happens to orders and sessions, in this order: received, then rejected or (queued and) accepted, first token, tokens,
 * ended. Nobody's prompt, answer or peer id is in it.
 */
export interface ProviderEvents {
  /** An order came, whatever becomes of it. */
  orderReceived(): void
  /** It was turned away, by us or for want of a better price. */
  rejected(code: ErrorCode): void
  /** It got a slot after waiting so long; 0 when it did not have to. */
  accepted(model: string, queuedMs: number): void
  /** Its first token left, so long after the order came. */
  firstToken(model: string, kind: RequestKind, ms: number): void
  /** More output tokens left. */
  tokens(model: string, outputTokens: number): void
  sessionEnded(session: EndedSession): void
}
