import { once } from 'node:events'
import { HanseError } from '@hanse/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RequestKind } from '../../engine/engine.ts'
import {
  encodeJson,
  isJsonObject,
  type JsonObject,
  numberIn,
  parseJsonObject,
  stringIn,
} from '../../engine/json.ts'
import { faultOf } from '../../openai/errors.ts'
import { FieldError } from '../../openai/field-error.ts'
import type { OpenAiResponse } from '../../openai/index.ts'
import { errorResponse } from '../../openai/service.ts'
import { type TakeOptions, takeRequest } from '../take-request.ts'
import { AnswerLines, joinLines, type Shape } from './answer-lines.ts'
import { namesOf } from './model-list.ts'
import { readChunks } from './read-events.ts'

export interface OllamaAnswerOptions extends TakeOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A line for each object. */
export const NDJSON = 'application/x-ndjson'

export interface Asked {
  readonly shape: Shape
  readonly kind: RequestKind
  /** As the client sent it. */
  readonly asked: JsonObject
  /** The same in OpenAI's terms. */
  readonly body: JsonObject
}

/** Answers a chat or a generation, streamed or not. @throws {HanseError} why not */
export async function answer(
  { shape, kind, asked, body }: Asked,
  request: FastifyRequest,
  reply: FastifyReply,
  options: OllamaAnswerOptions,
): Promise<void> {
  const model = nameOf(asked)
  const lines = new AnswerLines({
    model,
    shape,
    now: () => performance.now(),
    clock: options.now,
  })
  const streamed = { ...body, stream: true, stream_options: { include_usage: true } }
  const response = await handle(kind, model, streamed, request, reply, options)
  if (response.body instanceof Uint8Array) {
    await refuse(reply, response)
    return
  }
  const headers = ownHeaders(response.headers)
  // Ollama streams unless it is told not to.
  if (asked.stream !== false) {
    await stream(reply, headers, response.body, lines)
    return
  }
  const all: JsonObject[] = []
  for await (const chunks of readChunks(response.body))
    for (const chunk of chunks) {
      if (isJsonObject(chunk.error)) throw new HanseError('HANSE_SESSION_CUT', messageOf(chunk))
      all.push(...lines.add(chunk))
    }
  const end = lines.end()
  if (end === undefined) throw new HanseError('HANSE_SESSION_CUT', 'the answer broke off')
  await reply.headers(headers).send(joinLines([...all, ...end], shape))
}

async function stream(
  reply: FastifyReply,
  headers: Readonly<Record<string, string>>,
  body: AsyncIterable<Uint8Array>,
  lines: AnswerLines,
): Promise<void> {
  const { raw } = reply
  const set = reply.getHeaders() as Record<string, string>
  reply.hijack()
  raw.writeHead(200, { ...set, ...headers, 'content-type': NDJSON })
  const write = async (objects: readonly JsonObject[]): Promise<void> => {
    if (objects.length === 0 || raw.destroyed) return
    const text = objects.map((object) => `${JSON.stringify(object)}\n`).join('')
    if (!raw.write(text)) await Promise.race([once(raw, 'drain'), once(raw, 'close')])
  }
  let fault: JsonObject | undefined
  for await (const chunks of readChunks(body)) {
    fault = chunks.find(({ error }) => isJsonObject(error)) ?? fault
    await write(chunks.flatMap((chunk) => lines.add(chunk)))
  }
  const end = fault === undefined ? lines.end() : undefined
  await write(end ?? [{ error: fault === undefined ? 'the answer broke off' : messageOf(fault) }])
  raw.end()
}

/** Answers with embeddings, in the new shape or the old one. */
export async function embed(
  shape: 'embed' | 'embeddings',
  request: FastifyRequest,
  reply: FastifyReply,
  options: OllamaAnswerOptions,
): Promise<void> {
  const asked = jsonOf(request)
  const model = nameOf(asked)
  const input = shape === 'embed' ? asked.input : asked.prompt
  const { dimensions } = asked
  const body = { input, ...(dimensions === undefined ? {} : { dimensions }) }
  const began = performance.now()
  const response = await handle('embedding', model, body, request, reply, options)
  const document = response.body instanceof Uint8Array ? parseJsonObject(response.body) : undefined
  if (response.status !== 200 || document === undefined) {
    await refuse(reply, response)
    return
  }
  const rows: readonly unknown[] = Array.isArray(document.data) ? document.data : []
  const embeddings = rows.map((row) => (isJsonObject(row) ? row.embedding : []))
  void reply.headers(ownHeaders(response.headers))
  if (shape === 'embeddings') {
    await reply.send({ embedding: embeddings[0] ?? [] })
    return
  }
  await reply.send({
    model,
    embeddings,
    total_duration: Math.round((performance.now() - began) * 1e6),
    load_duration: 0,
    prompt_eval_count: numberIn(document.usage, 'prompt_tokens') ?? 0,
  })
}

async function handle(
  kind: RequestKind,
  model: string,
  body: JsonObject,
  request: FastifyRequest,
  reply: FastifyReply,
  options: OllamaAnswerOptions,
): Promise<OpenAiResponse> {
  const [name, ...others] = namesOf(model)
  const named = { ...body, model: name, ...(others.length === 0 ? {} : { models: others }) }
  return await takeRequest(options, { kind, body: encodeJson(named), request, reply })
}

/** Runs a handler, and says what goes wrong as Ollama does. */
export async function told(reply: FastifyReply, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    const fault = faultOf(error)
    await refuse(reply, errorResponse(fault))
  }
}

async function refuse(
  reply: FastifyReply,
  { status, headers, body }: OpenAiResponse,
): Promise<void> {
  const document = body instanceof Uint8Array ? (parseJsonObject(body) ?? {}) : {}
  await reply
    .status(status)
    .headers(headers)
    .send({ error: messageOf(document) })
}

function messageOf(document: JsonObject): string {
  return stringIn(document.error, 'message') ?? 'the request failed'
}

function ownHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'content-type'))
}

export function jsonOf({ body }: FastifyRequest): JsonObject {
  const parsed = body instanceof Uint8Array ? parseJsonObject(body) : undefined
  if (parsed === undefined) throw new HanseError('HANSE_REQUEST_JSON', 'the body is no JSON object')
  return parsed
}

export function nameOf(asked: JsonObject): string {
  const name = stringIn(asked, 'model') ?? stringIn(asked, 'name') ?? ''
  if (name === '') throw new FieldError('model', 'missing')
  return name
}
