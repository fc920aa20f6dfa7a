import { createHash } from 'node:crypto'
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

/** What an engine knows beyond OpenAI's fields. */
export interface UpstreamFields {
  /** `seed`: then `fixed.seed` goes into a body that has none. */
  readonly seeds?: boolean
  /** `cache_salt`: then prompts of one customer are never found in the cache by another. */
  readonly salts?: boolean
}

/** The client's body, made to stream with usage and to stay within the output limit. */
export function upstreamBody(
  request: EngineRequest,
  { seeds = false, salts = false }: UpstreamFields = {},
): Uint8Array {
  const body = parseChatBody(request.body)
  if (request.kind === 'embedding') {
    const { stream: _stream, stream_options: _options, ...rest } = body
    return encodeJson({ ...rest, model: request.model })
  }
  const streamOptions = isJsonObject(body.stream_options) ? body.stream_options : {}
  const seed = seeds && (body.seed ?? null) === null ? request.fixed?.seed : undefined
  return encodeJson({
    ...body,
    model: request.model,
    stream: true,
    stream_options: { ...streamOptions, include_usage: true },
    ...(seed === undefined ? {} : { seed }),
    ...(salts ? { cache_salt: saltOf(request, body) } : {}),
    ...outputLimits(body, request.maxOutputTokens),
  })
}

/**
 * What is in a cache is answered sooner, so whoever shares one can learn what others asked. A client's own salt divides
 * its part further; it leads into nobody else's.
 */
function saltOf({ customer = '' }: EngineRequest, { cache_salt }: JsonObject): string {
  const own = typeof cache_salt === 'string' ? cache_salt : ''
  return createHash('sha256')
    .update(JSON.stringify([customer, own]))
    .digest('base64url')
}

function outputLimits(body: JsonObject, maxOutputTokens: number): Record<string, number> {
  const present = LIMIT_FIELDS.filter((field) => (body[field] ?? null) !== null)
  const fields = present.length > 0 ? present : (['max_tokens'] as const)
  // Engines hold each choice to the limit, and the order is for all of them.
  const most = Math.max(1, Math.floor(maxOutputTokens / choicesOf(body)))
  return Object.fromEntries(fields.map((field) => [field, limitedTo(most, body[field])]))
}

function choicesOf(body: JsonObject): number {
  return typeof body.n === 'number' && body.n > 1 ? body.n : 1
}

/** The asked limit, if it is one: some engines read -1 as "without end". */
export function limitedTo(maxOutputTokens: number, asked: unknown): number {
  return typeof asked === 'number' && asked >= 0
    ? Math.min(asked, maxOutputTokens)
    : maxOutputTokens
}
