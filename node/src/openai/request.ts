import { HanseError } from '@hanse/protocol'
import type { RequestPolicy, Sort } from '../consumer/request.ts'
import type { RequestKind } from '../engine/engine.ts'
import { encodeJson, isJsonObject, type JsonObject } from '../engine/json.ts'
import { FieldError } from './field-error.ts'
import { type MediaLink, mediaLinks, refuseGuarded } from './guarded-fields.ts'
import { editMembers } from './json-members.ts'
import { type RequestHeaders, readWishes, type Wishes } from './policy.ts'

/** A request of a client, with what this node has to know of it. Everything else passes through in the client's own bytes. */
export interface OpenAiRequest {
  readonly kind: RequestKind
  readonly model: string
  readonly stream: boolean
  /** The client reads the usage of a stream. */
  readonly includeUsage: boolean
  /** Of one choice, tokens; 0 for an embedding. */
  readonly maxOutputTokens: number | undefined
  /** What providers are sent, one body for each choice: the client's own bytes without what is not for them. */
  readonly bodies: readonly Uint8Array[]
  /** As the client sent it. */
  readonly body: Uint8Array
  readonly policy: RequestPolicy
  readonly wishes: Wishes
  /** Whom the client asks for. */
  readonly user: string | undefined
  /** Media that would have to be fetched. */
  readonly links: readonly MediaLink[]
  /** How the client reads embeddings. */
  readonly encoding: 'float' | 'base64'
  readonly dimensions: number | undefined
}

/** Answers to one request at once: each is a session of its own, with the whole prompt. */
export const CHOICES_MAX = 16
/** As OpenAI has it. */
const EMBEDDED_MAX = 2048
const TOKENS_MAX = 10_000_000
const MODEL_CHARS_MAX = 256
/** OpenAI's, for text completions without a limit. */
const COMPLETION_TOKENS = 16

/** The field that makes a request what it is. A provider refuses a request with two of them. */
const SUBJECTS = { chat: 'messages', completion: 'prompt', embedding: 'input' } as const

/** Ways to say at the end of a model's name what counts most. */
const SHORTCUTS: Readonly<Record<string, Sort>> = { ':nitro': 'throughput', ':floor': 'price' }

/**
 * What is not for a provider: how to choose one, what this node does itself, and who the client's users are.
 */
const OURS = [
  'hanse',
  'models',
  'session_id',
  'n',
  'user',
  'safety_identifier',
  'metadata',
  'store',
] as const

/** @throws {HanseError} HANSE_REQUEST_JSON, HANSE_REQUEST_INVALID with the name of the field */
export function parseRequest(
  kind: RequestKind,
  body: Uint8Array,
  headers: RequestHeaders,
): OpenAiRequest {
  const json = parseBody(body)
  refuseGuarded(json)
  const subject = readSubject(kind, json)
  const { model, sort } = readModel(json)
  const wishes = readWishes(json, headers)
  const stream = kind !== 'embedding' && (readFlag(json, 'stream') ?? false)
  return {
    kind,
    model,
    stream,
    includeUsage: stream && readIncludeUsage(json),
    maxOutputTokens: readLimit(kind, json),
    bodies: bodiesOf(kind, json, body, subject),
    body,
    policy: { ...(sort === undefined ? {} : { sort }), ...wishes.policy },
    wishes,
    user: wishes.user,
    links: kind === 'chat' ? mediaLinks(json) : [],
    encoding: readEncoding(kind, json),
    dimensions: kind === 'embedding' ? readCount(json, 'dimensions', TOKENS_MAX) : undefined,
  }
}

function parseBody(body: Uint8Array): JsonObject {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    // Without the cause: a parser quotes what it was given.
    throw new HanseError('HANSE_REQUEST_JSON', 'the body is not valid JSON')
  }
  if (!isJsonObject(json)) throw new FieldError('body', 'must be a JSON object')
  return json
}

function readModel(json: JsonObject): { model: string; sort: Sort | undefined } {
  const { model } = json
  if (typeof model !== 'string' || model === '' || model.length > MODEL_CHARS_MAX)
    throw new FieldError('model', `must be a text of 1 to ${MODEL_CHARS_MAX} characters`)
  const shortcut = Object.keys(SHORTCUTS).find((suffix) => model.endsWith(suffix))
  if (shortcut === undefined) return { model, sort: undefined }
  return { model: model.slice(0, -shortcut.length), sort: SHORTCUTS[shortcut] }
}

/** @returns the prompts of a text completion, each with a choice of its own; else nothing */
function readSubject(kind: RequestKind, json: JsonObject): readonly unknown[] {
  const subject = SUBJECTS[kind]
  const other = Object.values(SUBJECTS).find(
    (name) => name !== subject && Object.hasOwn(json, name),
  )
  if (other !== undefined) throw new FieldError(other, `not part of a request with ${subject}`)
  const value = json[subject]
  if (kind === 'chat') {
    checkMessages(value)
    return []
  }
  const texts = textsOf(subject, value, kind === 'embedding' ? EMBEDDED_MAX : CHOICES_MAX)
  return kind === 'completion' ? texts : []
}

function checkMessages(messages: unknown): void {
  if (!Array.isArray(messages) || messages.length === 0)
    throw new FieldError('messages', 'must be a list of at least one message')
  for (const [index, message] of (messages as unknown[]).entries())
    if (!isJsonObject(message) || typeof message.role !== 'string')
      throw new FieldError(`messages.${index}.role`, 'must be a text')
}

/** A text, a list of texts, a text as token ids, or a list of those. */
function textsOf(field: string, value: unknown, max: number): readonly unknown[] {
  if (typeof value === 'string') return [value]
  if (Array.isArray(value) && value.length > 0) {
    const items = value as unknown[]
    if (isTokens(items)) return [items]
    const same = items.every((item) => typeof item === 'string') || items.every(isTokens)
    if (same && items.length <= max) return items
    if (same) throw new FieldError(field, `at most ${max} texts at once`)
  }
  throw new FieldError(field, 'must be a text, a list of texts, or token ids')
}

function isTokens(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'number')
}

function bodiesOf(
  kind: RequestKind,
  json: JsonObject,
  body: Uint8Array,
  prompts: readonly unknown[],
): readonly Uint8Array[] {
  const edits = new Map<string, Uint8Array | undefined>()
  for (const field of OURS) if (Object.hasOwn(json, field)) edits.set(field, undefined)
  // A `provider` that is no object is none of OpenRouter's, but a field of somebody else's.
  if (isJsonObject(json.provider)) edits.set('provider', undefined)
  const n = kind === 'embedding' ? 1 : (readCount(json, 'n', CHOICES_MAX) ?? 1)
  if ((readCount(json, 'best_of', CHOICES_MAX) ?? 1) > 1)
    throw new FieldError('best_of', 'only 1 is supported: ask for n choices')
  if (prompts.length * n > CHOICES_MAX)
    throw new FieldError('n', `at most ${CHOICES_MAX} choices at once, of all prompts together`)
  if (prompts.length <= 1) return repeat(editMembers(body, edits), n)
  return prompts.flatMap((prompt) =>
    repeat(editMembers(body, new Map([...edits, ['prompt', encodeJson(prompt)]])), n),
  )
}

function repeat(body: Uint8Array, times: number): Uint8Array[] {
  return Array.from({ length: times }, () => body)
}

function readLimit(kind: RequestKind, json: JsonObject): number | undefined {
  if (kind === 'embedding') return 0
  const completion = readCount(json, 'max_completion_tokens', TOKENS_MAX)
  const limit = completion ?? readCount(json, 'max_tokens', TOKENS_MAX)
  // llama.cpp's own; what is not above zero means "no limit" there.
  const predict =
    typeof json.n_predict === 'number' && json.n_predict >= 1 ? json.n_predict : undefined
  return limit ?? predict ?? (kind === 'completion' ? COMPLETION_TOKENS : undefined)
}

function readIncludeUsage(json: JsonObject): boolean {
  const options = json.stream_options ?? {}
  if (!isJsonObject(options)) throw new FieldError('stream_options', 'must be an object')
  return readFlag(options, 'include_usage', 'stream_options.') ?? false
}

function readEncoding(kind: RequestKind, json: JsonObject): 'float' | 'base64' {
  const value = json.encoding_format ?? 'float'
  if (kind !== 'embedding' || value === 'float') return 'float'
  if (value === 'base64') return value
  throw new FieldError('encoding_format', 'must be float or base64')
}

function readFlag(json: JsonObject, field: string, before = ''): boolean | undefined {
  const value = json[field] ?? undefined
  if (value === undefined || typeof value === 'boolean') return value
  throw new FieldError(before + field, 'must be true or false')
}

function readCount(json: JsonObject, field: string, max: number): number | undefined {
  const value = json[field] ?? undefined
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max)
    return value
  throw new FieldError(field, `must be a whole number from 1 to ${max}`)
}
