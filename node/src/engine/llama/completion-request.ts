import type { EngineRequest } from '../engine.ts'
import { parseChatBody } from '../openai-request.ts'
import {
  type LlamaSampling,
  maxTokensOf,
  refused,
  refuseUnsupported,
  samplingOf,
  stopsOf,
} from './llama-sampling.ts'

export interface LlamaCompletionRequest {
  readonly prompt: string
  readonly maxTokens: number
  readonly sampling: LlamaSampling
  readonly stop: string[]
}

/** OpenAI's own default for completions, and the reason that answers are so short there. */
const DEFAULT_MAX_TOKENS = 16

/** @throws {EngineError} HANSE_ENGINE_REFUSED for what the built-in engine cannot do. */
export function parseCompletionRequest(request: EngineRequest): LlamaCompletionRequest {
  const body = parseChatBody(request.body)
  refuseUnsupported(body, ['logprobs', 'echo', 'suffix', 'logit_bias'])
  if (typeof body.best_of === 'number' && body.best_of !== 1)
    throw refused('only best_of of 1 is supported by this engine')
  return {
    prompt: promptOf(body.prompt),
    maxTokens: maxTokensOf(request, body.max_tokens ?? DEFAULT_MAX_TOKENS),
    sampling: samplingOf(body),
    stop: stopsOf(body.stop),
  }
}

function promptOf(prompt: unknown): string {
  const only: unknown = Array.isArray(prompt) && prompt.length === 1 ? prompt[0] : prompt
  if (typeof only !== 'string' || only === '')
    throw refused('prompt must be one text, and not an empty one')
  return only
}
