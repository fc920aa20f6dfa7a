import { type ErrorCode, isAnswered, picoEuro, REASON_CODES } from '@hanse/protocol'
import type { ProviderTotals } from '../provider/status.ts'
import type { EndedSession, ProviderEvents, RequestKind } from './provider-events.ts'
import { RecentRate } from './recent-rate.ts'

export interface ProviderStatisticsOptions {
  readonly now: () => number
  /** Hears every event after it was counted here. */
  readonly metrics?: ProviderEvents | undefined
  /** Hears of ended sessions, too. */
  readonly telemetry?: Pick<ProviderEvents, 'sessionEnded'> | undefined
}

/** Weight of the newest answer in a model's speed: the last ten or so make up most of it. */
const NEWEST_WEIGHT = 0.2

/** Counts what a provider did since it started, for its status; passes every event on to its metrics. */
export class ProviderStatistics implements ProviderEvents {
  readonly #options: ProviderStatisticsOptions
  readonly #rate: RecentRate
  readonly #rejected = new Map<ErrorCode, number>()
  readonly #failed = new Map<ErrorCode, number>()
  readonly #speeds = new Map<string, number>()
  #orders = 0
  #sessions = 0
  #completed = 0
  #inputTokens = 0
  #outputTokens = 0
  #earned = 0n

  constructor(options: ProviderStatisticsOptions) {
    this.#options = options
    this.#rate = new RecentRate(options.now)
  }

  /** Orders that came, whatever became of them. */
  get orders(): number {
    return this.#orders
  }

  totals(): ProviderTotals {
    return {
      sessions: this.#sessions,
      completed: this.#completed,
      rejected: Object.fromEntries(this.#rejected),
      failed: Object.fromEntries(this.#failed),
      inputTokens: this.#inputTokens,
      outputTokens: this.#outputTokens,
      earned: picoEuro(this.#earned),
      tokensPerSecond: this.#rate.perSecond(),
    }
  }

  /** Of one answer after its first token, as measured lately; `null` before the first. */
  tokensPerSecond(model: string): number | null {
    return this.#speeds.get(model) ?? null
  }

  orderReceived(): void {
    this.#orders++
    this.#options.metrics?.orderReceived()
  }

  rejected(code: ErrorCode): void {
    count(this.#rejected, code)
    this.#options.metrics?.rejected(code)
  }

  accepted(model: string, queuedMs: number): void {
    this.#sessions++
    this.#options.metrics?.accepted(model, queuedMs)
  }

  firstToken(model: string, kind: RequestKind, ms: number): void {
    this.#options.metrics?.firstToken(model, kind, ms)
  }

  tokens(model: string, outputTokens: number): void {
    this.#outputTokens += outputTokens
    this.#rate.add(outputTokens)
    this.#options.metrics?.tokens(model, outputTokens)
  }

  sessionEnded(session: EndedSession): void {
    const { model, inputTokens, earned } = session
    this.#inputTokens += inputTokens
    this.#earned += earned
    const code = failureOf(session)
    if (code === undefined) this.#completed++
    else count(this.#failed, code)
    const speed = speedOf(session)
    if (speed !== undefined) {
      const before = this.#speeds.get(model) ?? speed
      this.#speeds.set(model, before + NEWEST_WEIGHT * (speed - before))
    }
    this.#options.metrics?.sessionEnded(session)
    this.#options.telemetry?.sessionEnded(session)
  }
}

/** Why a session left no whole answer; `undefined` when it did. */
export function failureOf({ reason, code }: EndedSession): ErrorCode | undefined {
  return isAnswered(reason)
    ? undefined
    : (code ?? REASON_CODES[reason as keyof typeof REASON_CODES])
}

/** Seconds between two output tokens; `undefined` for answers of fewer than two, which have no such time. */
export function secondsPerToken({
  durationMs,
  firstTokenMs,
  outputTokens,
}: EndedSession): number | undefined {
  if (firstTokenMs === null || outputTokens < 2) return undefined
  return Math.max(0, durationMs - firstTokenMs) / 1000 / (outputTokens - 1)
}

function speedOf(session: EndedSession): number | undefined {
  const seconds = secondsPerToken(session)
  return seconds === undefined || seconds === 0 ? undefined : 1 / seconds
}

function count(counts: Map<ErrorCode, number>, code: ErrorCode): void {
  counts.set(code, (counts.get(code) ?? 0) + 1)
}
