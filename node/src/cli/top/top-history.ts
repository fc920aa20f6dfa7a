import type { ProviderStatus } from '../../provider/status.ts'

/** Wider than any terminal shows. */
const RATES_MAX = 400
/** Higher than any terminal shows. */
const LINES_MAX = 200

/** What a dashboard remembers of the time it was open. */
export class TopHistory {
  /** Output tokens a second, one for each status, the newest last. */
  readonly rates: number[] = []
  /** JSON lines of the log, the newest last. */
  readonly lines: string[] = []
  status: ProviderStatus | undefined
  /** Why there is no newer status. */
  fault: string | undefined

  take(status: ProviderStatus): void {
    this.status = status
    this.fault = undefined
    this.rates.push(status.totals.tokensPerSecond)
    if (this.rates.length > RATES_MAX) this.rates.shift()
  }

  takeLines(lines: readonly string[]): void {
    this.lines.push(...lines.slice(-LINES_MAX))
    this.lines.splice(0, Math.max(0, this.lines.length - LINES_MAX))
  }
}
