import type { Attributes } from '@opentelemetry/api'
import type { RequestKind } from '../engine/engine.ts'

/** `gen_ai.operation.name` (OpenTelemetry semantic conventions for generative AI). */
export const OPERATIONS: Readonly<Record<RequestKind, string>> = {
  chat: 'chat',
  completion: 'text_completion',
  embedding: 'embeddings',
}

/** `gen_ai.provider.name`: none of the conventions' own list. */
export const PROVIDER_NAME = 'hanse'

export const CLIENT_METRICS = {
  tokens: 'gen_ai.client.token.usage',
  duration: 'gen_ai.client.operation.duration',
  firstChunk: 'gen_ai.client.operation.time_to_first_chunk',
} as const

export const SERVER_METRICS = {
  duration: 'gen_ai.server.request.duration',
  firstToken: 'gen_ai.server.time_to_first_token',
  perToken: 'gen_ai.server.time_per_output_token',
} as const

const DURATIONS = Array.from({ length: 14 }, (_, i) => 0.01 * 2 ** i)
const FIRST_TOKEN = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]
const PER_TOKEN = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5]

/** Those that the conventions give, by instrument. */
export const BUCKETS: Readonly<Record<string, readonly number[]>> = {
  [CLIENT_METRICS.tokens]: Array.from({ length: 14 }, (_, i) => 4 ** i),
  [CLIENT_METRICS.duration]: DURATIONS,
  [CLIENT_METRICS.firstChunk]: FIRST_TOKEN,
  [SERVER_METRICS.duration]: DURATIONS,
  [SERVER_METRICS.firstToken]: FIRST_TOKEN,
  [SERVER_METRICS.perToken]: PER_TOKEN,
}

export function operationAttributes(kind: RequestKind, model: string): Attributes {
  return {
    'gen_ai.operation.name': OPERATIONS[kind],
    'gen_ai.provider.name': PROVIDER_NAME,
    'gen_ai.request.model': model,
  }
}
