import type { Ask } from './ask.ts'
import { Histogram } from './histogram.ts'

/** Of some seconds: how many sessions, how fast, and what failed. */
export interface Figures {
  readonly seconds: number
  readonly sessions: number
  readonly sessionsPerSecond: number
  readonly firstToken: Percentiles
  readonly whole: Percentiles
  /** By code. */
  readonly failures: Readonly<Record<string, number>>
  readonly failedShare: number
}

/** ms; null when there was none. */
export interface Percentiles {
  readonly p50: number | null
  readonly p95: number | null
  readonly p99: number | null
}

/** Counts sessions, in memory that does not grow with them. */
export class Tally {
  readonly #startedAt = performance.now()
  readonly #firstToken = new Histogram()
  readonly #whole = new Histogram()
  readonly #failures = new Map<string, number>()
  #served = 0

  add({ outcome, firstTokenMs, wholeMs }: Ask): void {
    if (firstTokenMs !== undefined) this.#firstToken.add(firstTokenMs)
    if (outcome === 'served') {
      this.#served++
      this.#whole.add(wholeMs)
    } else this.#failures.set(outcome, (this.#failures.get(outcome) ?? 0) + 1)
  }

  figures(): Figures {
    const seconds = (performance.now() - this.#startedAt) / 1000
    const failed = [...this.#failures.values()].reduce((sum, count) => sum + count, 0)
    return {
      seconds: round(seconds),
      sessions: this.#served,
      sessionsPerSecond: round(this.#served / seconds),
      firstToken: percentiles(this.#firstToken),
      whole: percentiles(this.#whole),
      failures: Object.fromEntries([...this.#failures].toSorted(([a], [b]) => (a < b ? -1 : 1))),
      failedShare: failed === 0 ? 0 : failed / (failed + this.#served),
    }
  }
}

function percentiles(of: Histogram): Percentiles {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => {
    const ms = of.percentile(share)
    return ms === undefined ? null : round(ms)
  }) as [number | null, number | null, number | null]
  return { p50, p95, p99 }
}

const round = (value: number): number => Math.round(value * 100) / 100
