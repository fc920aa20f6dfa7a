import { EngineError, type EngineRequest } from './engine.ts'
import { encodeJson, isJsonObject, type JsonObject, parseJsonObject } from './json.ts'

// The names under which a client may limit its answer. llama.cpp lets n_predict win over max_tokens,
// so every one that is there is held to the limit.
const LIMIT_FIELDS = ['max_tokens', 'max_completion_tokens', 'n_predict'] as const

/** @throws {EngineError} HANSE_ENGINE_REFUSED when the body is no JSON object. */
export function parseChatBody(body: Uint8Array): JsonObject {
  const parsed = parseJsonObject(body)
  if (parsed === undefined)
    throw new EngineError('HANSE_ENGINE_REFUSED', 'the request body is no JSON object', {
      httpStatus: 400,
    })
  return parsed
}

/** The client's body, made to stream with usage and to stay within the output limit. */
export function upstreamBody(request: EngineRequest): Uint8Array {
  const body = parseChatBody(request.body)
  const streamOptions = isJsonObject(body.stream_options) ? body.stream_options : {}
  return encodeJson({
    ...body,
    model: request.model,
    stream: true,
    stream_options: { ...streamOptions, include_usage: true },
    ...outputLimits(body, request.maxOutputTokens),
  })
}

function outputLimits(body: JsonObject, maxOutputTokens: number): Record<string, number> {
  const present = LIMIT_FIELDS.filter((field) => body[field] !== undefined)
  const fields = present.length > 0 ? present : (['max_tokens'] as const)
  return Object.fromEntries(fields.map((field) => [field, limitedTo(maxOutputTokens, body[field])]))
}

/** The asked limit, if it is one: some engines read -1 as "without end". */
export function limitedTo(maxOutputTokens: number, asked: unknown): number {
  return typeof asked === 'number' && asked >= 0
    ? Math.min(asked, maxOutputTokens)
    : maxOutputTokens
}
