import { EngineError, type EngineRequest } from '../engine.ts'
import { isJsonObject, type JsonObject } from '../json.ts'
import { limitedTo } from '../openai-request.ts'

/** How the next token is drawn, and when to stop. */
export interface LlamaSampling {
  readonly temperature: number
  readonly topP?: number
  readonly topK?: number
  readonly minP?: number
  readonly seed?: number
  /** Without a word of the request there is none: what repeats itself is for the model to say. */
  readonly repeatPenalty: false | RepeatPenalty
}

/** For tokens that the answer had before. */
export interface RepeatPenalty {
  /** 1 is none. */
  readonly penalty: number
  /** 0 is none. */
  readonly frequencyPenalty: number
  readonly presencePenalty: number
}

// llama.cpp's own default; OpenAI's of 1 makes small models ramble.
const DEFAULT_TEMPERATURE = 0.8

/** OpenAI allows 4. Each one is compared with every token. */
const STOPS_MAX = 16

export function samplingOf(body: JsonObject): LlamaSampling {
  const topP = numberWithin(body, 'top_p', 0, 1)
  const topK = numberWithin(body, 'top_k', 0, 2 ** 31 - 1)
  const minP = numberWithin(body, 'min_p', 0, 1)
  const seed = numberWithin(body, 'seed', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
  return {
    temperature: numberWithin(body, 'temperature', 0, 2) ?? DEFAULT_TEMPERATURE,
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK: Math.floor(topK) }),
    ...(minP === undefined ? {} : { minP }),
    // llama.cpp keeps 32 bits of it.
    ...(seed === undefined ? {} : { seed: seed >>> 0 }),
    repeatPenalty: repeatPenaltyOf(body),
  }
}

/** OpenAI’s two, and the one that llama.cpp and vLLM each have a name for; over the last 64 tokens, as in llama.cpp. */
function repeatPenaltyOf(body: JsonObject): false | RepeatPenalty {
  const frequencyPenalty = numberWithin(body, 'frequency_penalty', -2, 2) ?? 0
  const presencePenalty = numberWithin(body, 'presence_penalty', -2, 2) ?? 0
  const penalty =
    numberWithin(body, 'repetition_penalty', 0.01, 2) ??
    numberWithin(body, 'repeat_penalty', 0.01, 2) ??
    1
  if (frequencyPenalty === 0 && presencePenalty === 0 && penalty === 1) return false
  return { penalty, frequencyPenalty, presencePenalty }
}

export function maxTokensOf(request: EngineRequest, asked: unknown): number {
  const maxTokens = Math.floor(limitedTo(request.maxOutputTokens, asked))
  if (maxTokens < 1) throw refused('max_tokens must be 1 or more')
  return maxTokens
}

export function stopsOf(stop: unknown): string[] {
  if (stop === undefined || stop === null) return []
  const stops: unknown[] = Array.isArray(stop) ? stop : [stop]
  if (stops.length > STOPS_MAX) throw refused(`at most ${STOPS_MAX} stop texts are supported`)
  return stops.map((text) => {
    if (typeof text !== 'string' || text === '')
      throw refused('stop must be text, or a list of texts')
    return text
  })
}

/** Fields that change an answer, and that this engine does not heed: better refused than ignored. */
export function refuseUnsupported(body: JsonObject, fields: readonly string[]): void {
  if (typeof body.n === 'number' && body.n !== 1)
    throw refused('only n of 1 is supported by this engine')
  for (const field of fields) {
    const value = body[field]
    const isEmpty = isJsonObject(value) && Object.keys(value).length === 0
    if (value !== undefined && value !== null && value !== false && !isEmpty)
      throw refused(`${field} is not supported by this engine`)
  }
}

export function refused(message: string): EngineError {
  return new EngineError('HANSE_ENGINE_REFUSED', message, {
    httpStatus: 400,
    engineMessage: message,
  })
}

/** `null` is as good as left out, as it is at OpenAI. */
function numberWithin(
  body: JsonObject,
  name: string,
  min: number,
  max: number,
): number | undefined {
  const value = body[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || !(value >= min && value <= max)) {
    throw refused(`${name} must be a number from ${min} to ${max}`)
  }
  return value
}
