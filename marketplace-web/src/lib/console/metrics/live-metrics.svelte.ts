import { isExpired, tellExpired } from '#lib/expiry.ts'
import { faultText } from '#lib/fault-text.ts'
import { operators } from '../session.svelte.ts'
import { type Metrics, merged } from './readings.ts'

/** As often as the service measures. */
const everyMs = 10_000

/** What the service measures, asked for again and again while somebody looks. */
export class LiveMetrics {
  /** It stays when asking fails: `fault` says so. */
  data = $state.raw<Metrics>()
  fault = $state<string>()
  #timer: ReturnType<typeof setInterval> | undefined
  #busy = false

  start(): void {
    void this.refresh()
    this.#timer = setInterval(() => {
      if (!document.hidden) void this.refresh()
    }, everyMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async refresh(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    try {
      const client = await operators.client()
      const since = this.data?.samples.at(-1)?.at ?? 0
      const ask = (from: number) =>
        client.get('/v1/admin/metrics', { params: { query: { since: from } } })
      const answer = await ask(since)
      // Another process answers: of it, nothing is known yet.
      const isOther = this.data !== undefined && answer.startedAt !== this.data.startedAt
      this.data = merged(this.data, isOther ? await ask(0) : answer)
      this.fault = undefined
    } catch (error) {
      if (isExpired(error)) tellExpired()
      this.fault = faultText(error)
    } finally {
      this.#busy = false
    }
  }
}
