import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { RequestKind } from '../engine/engine.ts'
import { costOf } from '../openai/costs.ts'
import type { RequestRecord } from '../openai/request-run.ts'
import { OPERATIONS, PROVIDER_NAME } from '../telemetry/gen-ai.ts'
import {
  GEN_AI_FIRST_TOKEN_SECONDS,
  GEN_AI_REQUEST_SECONDS,
  GEN_AI_TOKENS,
} from './metric-table.ts'

const GEN_AI = ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_response_model'] as const

/** A market has hundreds of models; a provider that made up names must not fill the memory of whoever scrapes. */
const MODEL_NAMES_MAX = 512
/** A stream that breaks after its head is 200 with an error, so both are told. */
const REQUEST = ['operation', 'status', 'code'] as const

export interface GatewayState {
  readonly connections: number
  /** Receipts that settlement has not acknowledged. */
  readonly unsettled: number
}

/** The metrics of one gateway, in Prometheus' text format. Labels hold models on offer and codes; never a key, a peer or a tag. */
export class GatewayMetrics {
  readonly #registry = new Registry()
  readonly #models = new Set<string>()
  readonly #registers = { registers: [this.#registry] }

  readonly #running = new Gauge({
    name: 'hanse_gateway_requests_running',
    help: 'Requests that are being answered.',
    ...this.#registers,
  })
  readonly #requests = new Counter({
    name: 'hanse_gateway_requests_total',
    help: 'Requests that have ended, by how.',
    labelNames: REQUEST,
    ...this.#registers,
  })
  readonly #sessions = new Counter({
    name: 'hanse_gateway_sessions_total',
    help: 'Sessions that were opened for requests, by how they ended.',
    labelNames: ['reason'],
    ...this.#registers,
  })
  readonly #failovers = new Counter({
    name: 'hanse_gateway_failovers_total',
    help: 'Answers that another provider went on with in the middle.',
    ...this.#registers,
  })
  readonly #replayed = new Counter({
    name: 'hanse_gateway_replayed_total',
    help: 'Requests that were answered from memory, and cost nothing.',
    ...this.#registers,
  })
  readonly #cost = new Counter({
    name: 'hanse_gateway_cost_pico_euros_total',
    help: 'Paid by countersigned receipts. A float: the exact sum is in GET /hanse/v1/spend.',
    labelNames: ['gen_ai_response_model'],
    ...this.#registers,
  })
  readonly #duration = new Histogram({
    name: 'gen_ai_client_operation_duration_seconds',
    help: 'From the request to the end of its answer.',
    labelNames: [...GEN_AI, 'error_type'],
    buckets: GEN_AI_REQUEST_SECONDS,
    ...this.#registers,
  })
  readonly #firstChunk = new Histogram({
    name: 'gen_ai_client_operation_time_to_first_chunk_seconds',
    help: 'From the request to the first chunk of its answer.',
    labelNames: GEN_AI,
    buckets: GEN_AI_FIRST_TOKEN_SECONDS,
    ...this.#registers,
  })
  readonly #tokens = new Histogram({
    name: 'gen_ai_client_token_usage',
    help: 'Input and output tokens that were paid for.',
    labelNames: [...GEN_AI, 'gen_ai_token_type'],
    buckets: GEN_AI_TOKENS,
    ...this.#registers,
  })
  readonly #connections = new Gauge({
    name: 'hanse_gateway_connections',
    help: 'Open connections to peers.',
    ...this.#registers,
  })
  readonly #unsettled = new Gauge({
    name: 'hanse_gateway_receipts_unsettled',
    help: 'Sessions whose receipts settlement has not acknowledged.',
    ...this.#registers,
  })

  constructor() {
    collectDefaultMetrics({ register: this.#registry })
  }

  /** A request was let in. */
  began(): void {
    this.#running.inc()
  }

  /** @param record absent when nothing was bought for it */
  ended(kind: RequestKind, status: number, record?: RequestRecord): void {
    this.#running.dec()
    const code = record?.error ?? ''
    this.#requests.inc({ operation: OPERATIONS[kind], status, code })
    if (record !== undefined) this.#tell(record)
  }

  /** Everything there is, and how the gateway is at this moment. */
  async render(state: GatewayState): Promise<{ contentType: string; text: string }> {
    this.#connections.set(state.connections)
    this.#unsettled.set(state.unsettled)
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() }
  }

  #tell(record: RequestRecord): void {
    const { facts, answers, outcomes, error, totalMs, firstMs, replayed } = record
    for (const { reason } of outcomes) this.#sessions.inc({ reason })
    for (const { parts } of answers) this.#failovers.inc(Math.max(0, parts.length - 1))
    if (replayed) this.#replayed.inc()
    const model = this.#named(answers[0]?.model)
    this.#cost.inc({ gen_ai_response_model: model }, Number(costOf(record)))
    const labels = {
      gen_ai_operation_name: OPERATIONS[facts.kind],
      gen_ai_provider_name: PROVIDER_NAME,
      gen_ai_response_model: model,
    }
    this.#duration.observe({ ...labels, error_type: error ?? '' }, totalMs / 1000)
    if (firstMs !== undefined && facts.stream) this.#firstChunk.observe(labels, firstMs / 1000)
    if (replayed) return
    const { inputTokens, outputTokens } = record
    if (inputTokens > 0)
      this.#tokens.observe({ ...labels, gen_ai_token_type: 'input' }, inputTokens)
    if (outputTokens > 0)
      this.#tokens.observe({ ...labels, gen_ai_token_type: 'output' }, outputTokens)
  }

  /** What clients ask for may be anything: a name counts once somebody has served it. */
  #named(model: string | undefined): string {
    if (model === undefined) return ''
    if (this.#models.size < MODEL_NAMES_MAX) this.#models.add(model)
    return this.#models.has(model) ? model : 'other'
  }
}
