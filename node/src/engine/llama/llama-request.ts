import type { ChatHistoryItem } from 'node-llama-cpp'
import { EngineError, type EngineRequest } from '../engine.ts'
import { isJsonObject, type JsonObject, stringIn } from '../json.ts'
import { limitedTo, parseChatBody } from '../openai-request.ts'

export interface LlamaChatRequest {
  /** Ends with the empty answer that is to be generated. */
  readonly history: ChatHistoryItem[]
  readonly maxTokens: number
  readonly sampling: LlamaSampling
  readonly stop: string[]
}

export interface LlamaSampling {
  readonly temperature: number
  readonly topP?: number
  readonly topK?: number
  readonly minP?: number
  readonly seed?: number
}

// llama.cpp's own default; OpenAI's of 1 makes small models ramble.
const DEFAULT_TEMPERATURE = 0.8

/** OpenAI allows 4. Each one is compared with every token. */
const STOPS_MAX = 16

/** @throws {EngineError} HANSE_ENGINE_REFUSED for what the built-in engine cannot do. */
export function parseLlamaRequest(request: EngineRequest): LlamaChatRequest {
  const body = parseChatBody(request.body)
  refuseUnsupported(body)
  const asked = body.max_completion_tokens ?? body.max_tokens
  const maxTokens = Math.floor(limitedTo(request.maxOutputTokens, asked))
  if (maxTokens < 1) throw refused('max_tokens must be 1 or more')
  return {
    history: historyOf(body.messages),
    maxTokens,
    sampling: samplingOf(body),
    stop: stopsOf(body.stop),
  }
}

function refuseUnsupported(body: JsonObject): void {
  if (Array.isArray(body.tools) && body.tools.length > 0 && body.tool_choice !== 'none') {
    throw refused('tools are not supported by this engine')
  }
  if (isJsonObject(body.response_format) && body.response_format.type !== 'text') {
    throw refused('only response_format text is supported by this engine')
  }
  if (typeof body.n === 'number' && body.n !== 1)
    throw refused('only n of 1 is supported by this engine')
}

function historyOf(messages: unknown): ChatHistoryItem[] {
  if (!Array.isArray(messages) || messages.length === 0)
    throw refused('messages must be a list with at least one')
  return [...messages.map(historyItemOf), { type: 'model', response: [] }]
}

function historyItemOf(message: unknown): ChatHistoryItem {
  const text = textOf(isJsonObject(message) ? message.content : undefined)
  switch (stringIn(message, 'role') ?? '') {
    case 'system':
    case 'developer':
      return { type: 'system', text }
    case 'user':
      return { type: 'user', text }
    case 'assistant':
      return { type: 'model', response: [text] }
    default:
      throw refused('the role of a message must be system, developer, user or assistant')
  }
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) throw refused('the content of a message must be text')
  return content.map(partTextOf).join('')
}

function partTextOf(part: unknown): string {
  const text = stringIn(part, 'text')
  if (stringIn(part, 'type') !== 'text' || text === undefined) {
    throw refused('only text parts are supported by this engine')
  }
  return text
}

function samplingOf(body: JsonObject): LlamaSampling {
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
  }
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

function stopsOf(stop: unknown): string[] {
  if (stop === undefined || stop === null) return []
  const stops: unknown[] = Array.isArray(stop) ? stop : [stop]
  if (stops.length > STOPS_MAX) throw refused(`at most ${STOPS_MAX} stop texts are supported`)
  return stops.map((text) => {
    if (typeof text !== 'string' || text === '')
      throw refused('stop must be text, or a list of texts')
    return text
  })
}

function refused(message: string): EngineError {
  return new EngineError('HANSE_ENGINE_REFUSED', message, {
    httpStatus: 400,
    engineMessage: message,
  })
}
