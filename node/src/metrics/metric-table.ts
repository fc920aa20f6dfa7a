/** The buckets of vLLM, so that its dashboards work once their prefix is changed. */
const FIRST_TOKEN_SECONDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
  160, 640, 2560,
]
const PER_TOKEN_SECONDS = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
]
const REQUEST_SECONDS = [
  0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
]
const TOKENS = [1, 10, 100, 1_000, 10_000, 100_000].flatMap((n) => [n, 2 * n, 5 * n])

/** Those that the OpenTelemetry conventions for generative AI give. */
export const GEN_AI_REQUEST_SECONDS = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
]
export const GEN_AI_TOKENS = Array.from({ length: 14 }, (_, i) => 4 ** i)
export const GEN_AI_FIRST_TOKEN_SECONDS = FIRST_TOKEN_SECONDS.filter((seconds) => seconds <= 10)
const GEN_AI_PER_TOKEN_SECONDS = PER_TOKEN_SECONDS.filter((seconds) => seconds <= 2.5)

export interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
  readonly buckets?: readonly number[]
}

const MODEL = ['model_name'] as const
const GEN_AI = ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_request_model'] as const

const counter = (help: string, labels: readonly string[] = []): Metric => ({
  type: 'counter',
  help,
  labels,
})
const gauge = (help: string, labels: readonly string[] = []): Metric => ({
  type: 'gauge',
  help,
  labels,
})
const histogram = (
  help: string,
  buckets: readonly number[],
  labels: readonly string[] = MODEL,
): Metric => ({ type: 'histogram', help, labels, buckets })

/** Every metric of a provider but those of its process. Labels hold models on offer, GPUs, engines and codes; never a peer. */
export const METRICS = {
  // As vLLM has them
  'hanse:num_requests_running': gauge('Sessions that are served now.', MODEL),
  'hanse:num_requests_waiting': gauge('Accepted orders that wait for a slot.', MODEL),
  'hanse:request_success_total': counter('Sessions that ended with a whole answer.', [
    ...MODEL,
    'finished_reason',
  ]),
  'hanse:prompt_tokens_total': counter('Input tokens of ended sessions.', MODEL),
  'hanse:generation_tokens_total': counter('Output tokens that were sent.', MODEL),
  'hanse:request_prompt_tokens': histogram('Input tokens of one session.', TOKENS),
  'hanse:request_generation_tokens': histogram('Output tokens of one session.', TOKENS),
  'hanse:time_to_first_token_seconds': histogram(
    'From the order to the first token.',
    FIRST_TOKEN_SECONDS,
  ),
  'hanse:request_time_per_output_token_seconds': histogram(
    'Mean time between two output tokens of one session.',
    PER_TOKEN_SECONDS,
  ),
  'hanse:e2e_request_latency_seconds': histogram('From the order to the end.', REQUEST_SECONDS),
  'hanse:request_queue_time_seconds': histogram('Time that an order waited.', REQUEST_SECONDS),
  // As OpenTelemetry has them
  gen_ai_server_request_duration_seconds: histogram(
    'From the order to the end.',
    GEN_AI_REQUEST_SECONDS,
    [...GEN_AI, 'error_type'],
  ),
  gen_ai_server_time_to_first_token_seconds: histogram(
    'From the order to the first token.',
    GEN_AI_FIRST_TOKEN_SECONDS,
    GEN_AI,
  ),
  gen_ai_server_time_per_output_token_seconds: histogram(
    'Mean time between two output tokens of one session.',
    GEN_AI_PER_TOKEN_SECONDS,
    GEN_AI,
  ),
  // Of the market
  'hanse:orders_total': counter('Orders that came, whatever became of them.'),
  'hanse:order_rejections_total': counter('Orders that were turned away.', ['code']),
  'hanse:sessions_total': counter('Orders that were accepted.', MODEL),
  'hanse:request_failures_total': counter('Sessions that ended without a whole answer.', [
    ...MODEL,
    'code',
  ]),
  'hanse:earnings_pico_euros_total': counter(
    'Earned by countersigned receipts, before the platform fee.',
  ),
  'hanse:earnings_euros': gauge('The same since the start, in euro, for display.'),
  'hanse:model_slots': gauge('Sessions that are served at once.', MODEL),
  'hanse:model_price_euros_per_million_tokens': gauge('What is asked now.', [
    ...MODEL,
    'direction',
  ]),
  'hanse:offer_announced_timestamp_seconds': gauge('When the market was last told.'),
  'hanse:offer_peers': gauge('Peers of the DHT that took the offer.'),
  'hanse:evidence_level': gauge('Evidence of location, 0 to 4.'),
  'hanse:evidence_expiry_timestamp_seconds': gauge('Until when that evidence holds.'),
  'hanse:receipts_unsettled': gauge('Receipts that settlement has not acknowledged.'),
  'hanse:receipts_refused': gauge('Of these, those that it refused for good.', ['code']),
  'hanse:settlement_reachable': gauge('Whether settlement answers, 0 or 1.'),
  // Of the node
  'hanse:state': gauge('1 for the state it is in: serving, paused, draining.', ['state']),
  'hanse:reachability': gauge('1 for how strangers reach this node, as far as is known.', [
    'state',
  ]),
  'hanse:connections': gauge('Open connections to peers.'),
  'hanse:engine_ready': gauge('Whether the engine answers, 0 or 1.', ['engine']),
  'hanse:build_info': gauge('Always 1; the version is in its label.', ['version']),
  // Of the machine
  'hanse:gpu_utilization_ratio': gauge('Share of time in which something ran.', ['gpu']),
  'hanse:gpu_memory_used_bytes': gauge('Memory of the GPU in use.', ['gpu']),
  'hanse:gpu_memory_total_bytes': gauge('Memory of the GPU.', ['gpu']),
  'hanse:gpu_temperature_celsius': gauge('Temperature of the GPU.', ['gpu']),
  'hanse:gpu_power_watts': gauge('Power that the GPU draws.', ['gpu']),
} as const satisfies Readonly<Record<string, Metric>>

export type MetricName = keyof typeof METRICS
