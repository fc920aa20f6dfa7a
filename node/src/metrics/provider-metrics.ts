import { type ErrorCode, PICO_PER_EURO, type PicoEuro } from '@hanse/protocol'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { ProviderStatus } from '../provider/status.ts'
import { OPERATIONS, PROVIDER_NAME } from '../telemetry/gen-ai.ts'
import { METRICS, type MetricName } from './metric-table.ts'
import type { EndedSession, ProviderEvents, RequestKind } from './provider-events.ts'
import { failureOf, secondsPerToken } from './provider-statistics.ts'

type Labels = Readonly<Record<string, string>>

/** A provider offers a few models; a bug that made up names must not fill the memory of whoever scrapes. */
const MODEL_NAMES_MAX = 256

/** The metrics of one provider, in Prometheus' text format. Fed by its events, and by its status when it is scraped. */
export class ProviderMetrics implements ProviderEvents {
  readonly #registry = new Registry()
  readonly #counters = new Map<string, Counter>()
  readonly #gauges = new Map<string, Gauge>()
  readonly #histograms = new Map<string, Histogram>()
  readonly #models = new Set<string>()

  constructor() {
    for (const [name, { type, help, labels, ...more }] of Object.entries(METRICS)) {
      const options = { name, help, labelNames: [...labels], registers: [this.#registry] }
      if (type === 'counter') this.#counters.set(name, new Counter(options))
      else if (type === 'gauge') this.#gauges.set(name, new Gauge(options))
      else {
        const buckets = 'buckets' in more ? [...more.buckets] : []
        this.#histograms.set(name, new Histogram({ ...options, buckets }))
      }
    }
    collectDefaultMetrics({ register: this.#registry })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** Everything there is, as of the last `observe`. */
  async render(): Promise<string> {
    return await this.#registry.metrics()
  }

  orderReceived(): void {
    this.#count('hanse:orders_total', {})
  }

  rejected(code: ErrorCode): void {
    this.#count('hanse:order_rejections_total', { code })
  }

  accepted(model: string, queuedMs: number): void {
    const labels = this.#labelsOf(model)
    this.#count('hanse:sessions_total', labels)
    this.#measure('hanse:request_queue_time_seconds', labels, queuedMs / 1000)
  }

  firstToken(model: string, kind: RequestKind, ms: number): void {
    const seconds = ms / 1000
    this.#measure('hanse:time_to_first_token_seconds', this.#labelsOf(model), seconds)
    this.#measure('gen_ai_server_time_to_first_token_seconds', this.#genAi(model, kind), seconds)
  }

  tokens(model: string, outputTokens: number): void {
    this.#count('hanse:generation_tokens_total', this.#labelsOf(model), outputTokens)
  }

  sessionEnded(session: EndedSession): void {
    const { model, kind, reason, inputTokens, outputTokens, earned } = session
    const labels = this.#labelsOf(model)
    const code = failureOf(session)
    if (code === undefined) {
      // vLLM's words for the same two ends.
      const finished_reason = reason === 'length' ? 'length' : 'stop'
      this.#count('hanse:request_success_total', { ...labels, finished_reason })
    } else {
      this.#count('hanse:request_failures_total', { ...labels, code })
    }
    this.#count('hanse:prompt_tokens_total', labels, inputTokens)
    this.#count('hanse:earnings_pico_euros_total', {}, Number(earned))
    this.#measure('hanse:request_prompt_tokens', labels, inputTokens)
    this.#measure('hanse:request_generation_tokens', labels, outputTokens)
    const seconds = session.durationMs / 1000
    this.#measure('hanse:e2e_request_latency_seconds', labels, seconds)
    const error_type = code ?? ''
    const genAi = this.#genAi(model, kind)
    this.#measure('gen_ai_server_request_duration_seconds', { ...genAi, error_type }, seconds)
    const perToken = secondsPerToken(session)
    if (perToken === undefined) return
    this.#measure('hanse:request_time_per_output_token_seconds', labels, perToken)
    this.#measure('gen_ai_server_time_per_output_token_seconds', genAi, perToken)
  }

  /** Takes over what is so at this moment; what is no longer there is no longer told. */
  observe(status: ProviderStatus): void {
    for (const gauge of this.#gauges.values()) gauge.reset()
    this.#observeNode(status)
    this.#observeMarket(status)
    this.#observeMachine(status)
  }

  #observeNode({ state, reachability, connections, engines, version }: ProviderStatus): void {
    for (const other of ['serving', 'paused', 'draining'] as const)
      this.#set('hanse:state', { state: other }, Number(other === state))
    for (const other of ['direct', 'relayed', 'unreachable', 'unknown'] as const)
      this.#set('hanse:reachability', { state: other }, Number(other === reachability))
    this.#set('hanse:connections', {}, connections)
    for (const { name, ready } of engines)
      this.#set('hanse:engine_ready', { engine: name }, Number(ready))
    this.#set('hanse:build_info', { version }, 1)
  }

  #observeMarket(status: ProviderStatus): void {
    const { models, live, settlement, totals } = status
    for (const { id, slots, busy, queued, inputPrice, outputPrice } of models) {
      const labels = this.#labelsOf(id)
      this.#set('hanse:num_requests_running', labels, busy)
      this.#set('hanse:num_requests_waiting', labels, queued)
      this.#set('hanse:model_slots', labels, slots)
      // A pico-euro a token is a micro-euro a million tokens.
      for (const [direction, price] of [
        ['input', inputPrice],
        ['output', outputPrice],
      ] as const) {
        const perMillion = Number(price) / 1e6
        this.#set(
          'hanse:model_price_euros_per_million_tokens',
          { ...labels, direction },
          perMillion,
        )
      }
    }
    this.#set('hanse:earnings_euros', {}, euros(totals.earned))
    this.#set('hanse:evidence_level', {}, status.evidenceLevel)
    this.#set('hanse:evidence_expiry_timestamp_seconds', {}, status.evidenceUntil / 1000)
    if (live !== undefined) {
      this.#set('hanse:offer_announced_timestamp_seconds', {}, live.at / 1000)
      this.#set('hanse:offer_peers', {}, live.peersTold)
    }
    if (settlement === undefined) return
    this.#set('hanse:settlement_reachable', {}, Number(settlement.reachable))
    this.#set('hanse:receipts_unsettled', {}, settlement.unsettled)
    for (const [code, count] of Object.entries(settlement.refused))
      this.#set('hanse:receipts_refused', { code }, count)
  }

  #observeMachine({ machine, gpus }: ProviderStatus): void {
    for (const { id, vramBytes } of machine.gpus)
      if (vramBytes > 0) this.#set('hanse:gpu_memory_total_bytes', { gpu: id }, vramBytes)
    for (const { id, utilization, temperatureCelsius, vramUsedBytes, powerWatts } of gpus) {
      // What a driver does not tell has no sample, for 0 would be a lie.
      for (const [name, value] of [
        ['hanse:gpu_utilization_ratio', utilization],
        ['hanse:gpu_temperature_celsius', temperatureCelsius],
        ['hanse:gpu_memory_used_bytes', vramUsedBytes],
        ['hanse:gpu_power_watts', powerWatts],
      ] as const)
        if (value !== null) this.#set(name, { gpu: id }, value)
    }
  }

  #labelsOf(model: string): { readonly model_name: string } {
    if (this.#models.size < MODEL_NAMES_MAX) this.#models.add(model)
    return { model_name: this.#models.has(model) ? model : 'other' }
  }

  #genAi(model: string, kind: RequestKind): Labels {
    return {
      gen_ai_operation_name: OPERATIONS[kind],
      gen_ai_provider_name: PROVIDER_NAME,
      gen_ai_request_model: this.#labelsOf(model).model_name,
    }
  }

  #count(name: MetricName, labels: Labels, by = 1): void {
    this.#counters.get(name)?.inc(labels, by)
  }

  #set(name: MetricName, labels: Labels, value: number): void {
    this.#gauges.get(name)?.set(labels, value)
  }

  #measure(name: MetricName, labels: Labels, value: number): void {
    this.#histograms.get(name)?.observe(labels, value)
  }
}

/** For display alone: a float of money is never counted with. */
function euros(amount: PicoEuro): number {
  return Number(amount) / Number(PICO_PER_EURO)
}
