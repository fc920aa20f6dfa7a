import { type Average, NOTHING, observed } from './average.ts'

/** Times, ms, and counts. */
export const BREAKER_LIMITS = {
  /** One failure may be chance, three in a row are not. */
  failuresInRow: 3,
  /** Half of what was asked lately, once there were this many. */
  failureShare: 0.5,
  observationsMin: 6,
  /** A restart takes seconds; then it doubles. */
  backoffMs: 5_000,
  backoffMsMax: 5 * 60_000,
  /** So that the trials of many consumers do not come at once. */
  jitter: 0.2,
  /** A provider that is busy, and does not say for how long. */
  coolMs: 1_000,
  /** What it says is believed for so long: it may have been wrong, or lie. */
  coolMsMax: 60_000,
} as const

export type BreakerState = 'closed' | 'open' | 'trial-due' | 'on-trial' | 'cooling'

/**
 * Whether a provider is asked at all.
 *
 * | state     | asked | leaves to |
 * |-----------|-------|-----------|
 * | closed    | yes   | open (unreachable, failures in a row, share of failures); cooling (busy) |
 * | cooling   | no    | closed (time passed, or a newer offer has free slots) |
 * | open      | no    | trial-due (backoff passed) |
 * | trial-due | once  | on-trial |
 * | on-trial  | no    | closed (an answer begins); open, for twice as long (failure); trial-due (no verdict) |
 */
export class Breaker {
  #inRow = 0
  #failed: Average = NOTHING
  /** Openings since the last success. */
  #openings = 0
  #openUntil: number | undefined
  #onTrial = false
  #coolSince = 0
  #coolUntil = 0
  /** When it could not be reached last, ms. */
  unreachableAt = 0

  state(now: number): BreakerState {
    if (this.#onTrial) return 'on-trial'
    if (this.#openUntil !== undefined && now < this.#openUntil) return 'open'
    if (now < this.#coolUntil) return 'cooling'
    return this.#openUntil === undefined ? 'closed' : 'trial-due'
  }

  /** When it may be asked again, ms; 0 for now. */
  until(now: number): number {
    const until = Math.max(this.#openUntil ?? 0, this.#coolUntil)
    return until > now ? until : 0
  }

  /** An order is sent. */
  asked(now: number): void {
    if (this.state(now) === 'trial-due') this.#onTrial = true
  }

  /** An answer has begun: a trial need not wait for its end. One more failure is enough to open it again. */
  answering(): void {
    if (!this.#onTrial) return
    this.#onTrial = false
    this.#openUntil = undefined
    this.#inRow = BREAKER_LIMITS.failuresInRow - 1
  }

  succeeded(now: number): void {
    this.#failed = observed(this.#failed, 0, now)
    this.#inRow = 0
    this.#openings = 0
    this.#openUntil = undefined
    this.#onTrial = false
  }

  /**
   * @param dead it could not even be reached: the next request would only wait for it, too
   * @param random in [0, 1)
   */
  failed(now: number, dead: boolean, random: number): void {
    if (dead) this.unreachableAt = now
    this.#inRow++
    this.#failed = observed(this.#failed, 1, now)
    const { failuresInRow, failureShare, observationsMin } = BREAKER_LIMITS
    const { weight, mean } = this.#failed
    // Half of six adds up to a little less in floating point.
    const often = weight >= observationsMin && mean >= failureShare - 1e-9
    const onTrial = this.#onTrial
    this.#onTrial = false
    // Answers that were under way when it opened say nothing new.
    if (this.#openUntil !== undefined && !onTrial) return
    if (onTrial || dead || often || this.#inRow >= failuresInRow) this.#open(now, random)
  }

  /** It has too much to do, or does not take this order: as good as before, only not now. */
  declined(now: number, retryAfterMs: number | undefined): void {
    this.#onTrial = false
    const { coolMs, coolMsMax } = BREAKER_LIMITS
    this.#coolSince = now
    this.#coolUntil = now + Math.min(Math.max(retryAfterMs ?? coolMs, 0), coolMsMax)
  }

  /** The order came to an end that says nothing of the provider. */
  noVerdict(): void {
    this.#onTrial = false
  }

  /** It has said anew what it offers. */
  heard(at: number, freeSlots: number): void {
    if (at > this.#coolSince && freeSlots > 0) this.#coolUntil = 0
  }

  #open(now: number, random: number): void {
    const { backoffMs, backoffMsMax, jitter } = BREAKER_LIMITS
    const ms = Math.min(backoffMs * 2 ** this.#openings, backoffMsMax)
    this.#openings++
    this.#openUntil = now + ms * (1 + jitter * (2 * random - 1))
    // A trial is judged by itself, not by what was before.
    this.#failed = NOTHING
    this.#inRow = 0
  }
}
