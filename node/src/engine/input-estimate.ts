import { utf8Length } from '@hanse/protocol'
import type { EngineRequest } from './engine.ts'
import { isJsonObject, type JsonObject, parseJsonObject, stringIn } from './json.ts'

/**
 * Bytes of text that are charged as one token when nobody can count them: more than any common tokenizer needs on
 * average for prose, code or other scripts (3 to 5), so that a consumer rarely pays for a token too many.
 */
const BYTES_PER_TOKEN = 6

/** Chat templates wrap the messages in a few tokens. */
const TEMPLATE_TOKENS_MAX = 64

/** A low guess of a request's input tokens, to charge when the engine tells nothing. Only texts count. */
export function estimateInputTokens(request: EngineRequest): number {
  const body = parseJsonObject(request.body)
  if (body === undefined) return 0
  return Math.floor(promptBytes(body) / BYTES_PER_TOKEN)
}

/** The most that a request's input can be: a token of any tokenizer is at least one byte. */
export function maxInputTokens(request: EngineRequest, contextLength: number): number {
  return Math.max(0, Math.min(request.body.byteLength + TEMPLATE_TOKENS_MAX, contextLength - 1))
}

function promptBytes(body: JsonObject): number {
  const messages = Array.isArray(body.messages) ? body.messages : []
  let bytes = 0
  for (const message of messages) bytes += textBytes(isJsonObject(message) ? message.content : '')
  return bytes + textBytes(body.prompt) + textBytes(body.input)
}

/** A list of lists of token ids is as deep as a request goes. */
const DEPTH_MAX = 3

/** Text, a list of texts, or the parts of a message; token ids count as a token's bytes each. */
function textBytes(value: unknown, depth = 0): number {
  if (typeof value === 'string') return utf8Length(value)
  if (typeof value === 'number') return BYTES_PER_TOKEN
  if (isJsonObject(value)) return utf8Length(stringIn(value, 'text') ?? '')
  if (!Array.isArray(value) || depth === DEPTH_MAX) return 0
  let bytes = 0
  for (const item of value) bytes += textBytes(item, depth + 1)
  return bytes
}
