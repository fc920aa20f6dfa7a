import {
  type ErrorCode,
  type FinalReason,
  type Order,
  type PicoEuro,
  picoEuro,
  type Receipt,
} from '@hanse/protocol'
import type { RequestKind } from '../engine/index.ts'
import type { ProviderEvents } from '../metrics/provider-events.ts'
import type { SessionStatus } from './status.ts'

/** Knows the sessions that run, and tells the statistics what becomes of them. */
export class SessionBoard {
  readonly #events: ProviderEvents
  readonly #now: () => number
  readonly #open = new Set<SessionTrace>()

  constructor(events: ProviderEvents, now: () => number) {
    this.#events = events
    this.#now = now
  }

  /** For a stream that has been opened and has said nothing yet. */
  begin(): SessionTrace {
    const trace = new SessionTrace(this.#events, this.#now, () => this.#open.delete(trace))
    this.#open.add(trace)
    return trace
  }

  /** Of those that have ordered, oldest first. */
  rows(): SessionStatus[] {
    return [...this.#open].flatMap((trace) => trace.row() ?? [])
  }
}

/** What is known of one session while it runs. */
export class SessionTrace {
  readonly #events: ProviderEvents
  readonly #now: () => number
  readonly #close: () => void
  #row: SessionStatus | undefined
  #kind: RequestKind = 'chat'
  #trace: string | null = null
  #firstTokenMs: number | null = null
  #inputTokens = 0
  #earned: PicoEuro = picoEuro(0n)

  constructor(events: ProviderEvents, now: () => number, close: () => void) {
    this.#events = events
    this.#now = now
    this.#close = close
  }

  row(): SessionStatus | undefined {
    return this.#row
  }

  /** An order came whole; again with each round of quotes, which is the same session to its owner. */
  ordered(session: string, { consumer, model }: Order, trace: string | null): void {
    const startedAt = this.#row?.startedAt ?? this.#now()
    if (this.#row === undefined) this.#events.orderReceived()
    this.#trace = trace
    this.#row = { session, consumer, model, startedAt, phase: 'queued', outputTokens: 0 }
  }

  accepted(kind: RequestKind): void {
    if (this.#row === undefined) return
    this.#kind = kind
    this.#events.accepted(this.#row.model, this.#now() - this.#row.startedAt)
    this.#row = { ...this.#row, phase: 'streaming' }
  }

  tokens(count: number): void {
    if (this.#row === undefined || count === 0) return
    const { model, startedAt } = this.#row
    if (this.#firstTokenMs === null) {
      this.#firstTokenMs = this.#now() - startedAt
      this.#events.firstToken(model, this.#kind, this.#firstTokenMs)
    }
    this.#events.tokens(model, count)
    this.#row = { ...this.#row, outputTokens: this.#row.outputTokens + count }
  }

  countersigned({ amount, inputTokens }: Receipt): void {
    this.#earned = amount
    this.#inputTokens = Number(inputTokens)
  }

  ended(reason: FinalReason, code: ErrorCode | undefined): void {
    this.#close()
    if (this.#row === undefined) return
    const { session, model, startedAt, phase, outputTokens } = this.#row
    if (phase === 'queued') {
      // Whoever left the line by itself was not turned away.
      if (reason === 'rejected' && code !== undefined) this.#events.rejected(code)
      if (reason === 'quoted') this.#events.rejected('HANSE_ORDER_PRICE')
      return
    }
    this.#events.sessionEnded({
      session,
      trace: this.#trace,
      startedAt,
      model,
      kind: this.#kind,
      reason,
      ...(code === undefined ? {} : { code }),
      durationMs: this.#now() - startedAt,
      firstTokenMs: this.#firstTokenMs,
      inputTokens: this.#inputTokens,
      outputTokens,
      earned: this.#earned,
    })
  }
}
