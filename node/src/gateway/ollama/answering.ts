import { ERRORS, HanseError, isErrorCode } from '@hanse/protocol'
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
import { FieldError } from '../../openai/field-error.ts'
import type { OpenAiResponse } from '../../openai/index.ts'
import { drained } from '../drained.ts'
import { type TakeOptions, takeRequest } from '../take-request.ts'
import { AnswerLines, joinLines, type Shape } from './answer-lines.ts'
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
  const lines = new AnswerLines({
    model: nameOf(asked),
    shape,
    now: () => performance.now(),
    clock: options.now,
  })
  const streamed = { ...body, stream: true, stream_options: { include_usage: true } }
  const response = await takeRequest(options, {
    kind,
    body: encodeJson(streamed),
    request,
    reply,
  })
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
  const { objects, fault } = await gathered(response.body, lines)
  if (fault === undefined) await reply.headers(headers).send(joinLines(objects, shape))
  else await reply.status(statusOf(fault)).send({ error: messageOf(fault) })
}

interface Gathered {
  readonly objects: readonly JsonObject[]
  /** Why these are not all. */
  readonly fault: JsonObject | undefined
}

async function gathered(body: AsyncIterable<Uint8Array>, lines: AnswerLines): Promise<Gathered> {
  const objects: JsonObject[] = []
  let fault: JsonObject | undefined
  for await (const chunks of readChunks(body)) {
    fault = chunks.find(({ error }) => isJsonObject(error)) ?? fault
    objects.push(...chunks.flatMap((chunk) => lines.add(chunk)))
  }
  const end = lines.end()
  if (fault !== undefined || end === undefined) return { objects, fault: fault ?? BROKEN_OFF }
  return { objects: [...objects, ...end], fault: undefined }
}

const BROKEN_OFF: JsonObject = { error: { message: 'the answer broke off' } }

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
    if (!raw.write(text)) await drained(raw)
  }
  let fault: JsonObject | undefined
  for await (const chunks of readChunks(body)) {
    fault = chunks.find(({ error }) => isJsonObject(error)) ?? fault
    await write(chunks.flatMap((chunk) => lines.add(chunk)))
  }
  const end = fault === undefined ? lines.end() : undefined
  // The status is said: what goes wrong now is a line of its own, and no line says `done`.
  await write(end ?? [{ error: messageOf(fault ?? BROKEN_OFF) }])
  raw.end()
}

/** Answers with embeddings, in the new shape or the old one. */
export async function embed(
  shape: 'embed' | 'embeddings',
  named: string,
  request: FastifyRequest,
  reply: FastifyReply,
  options: OllamaAnswerOptions,
): Promise<void> {
  const asked = jsonOf(request)
  const input = shape === 'embed' ? asked.input : asked.prompt
  const { dimensions } = asked
  const body = { model: named, input, ...(dimensions === undefined ? {} : { dimensions }) }
  const began = performance.now()
  const response = await takeRequest(options, {
    kind: 'embedding',
    body: encodeJson(body),
    request,
    reply,
  })
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
    model: nameOf(asked),
    embeddings,
    total_duration: Math.round((performance.now() - began) * 1e6),
    load_duration: 0,
    prompt_eval_count: numberIn(document.usage, 'prompt_tokens') ?? 0,
  })
}

/** Says what is wrong as Ollama does: a text, and no more. */
export async function refuse(
  reply: FastifyReply,
  { status, headers, body }: OpenAiResponse,
): Promise<void> {
  const document = body instanceof Uint8Array ? (parseJsonObject(body) ?? {}) : {}
  await reply
    .status(status)
    .headers(headers)
    .send({ error: messageOf(document) })
}

function statusOf({ error }: JsonObject): number {
  const code = stringIn(error, 'code')
  return ERRORS[isErrorCode(code) ? code : 'HANSE_SESSION_CUT'].http
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
