import { PROMPT_BYTES_MAX } from '@hanse/protocol'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { RequestKind } from '../engine/engine.ts'
import type { OpenAiService, RequestHeaders } from '../openai/index.ts'
import { AnswerWriter, type AnswerWriterOptions } from './answer-writer.ts'
import { callerOf } from './caller.ts'
import type { RequestGate } from './request-gate.ts'

export interface OpenAiRoutesOptions {
  readonly service: OpenAiService
  readonly gate: RequestGate
  readonly writer: AnswerWriterOptions
}

const ROUTES = {
  '/v1/chat/completions': 'chat',
  '/v1/completions': 'completion',
  '/v1/embeddings': 'embedding',
} as const satisfies Record<string, RequestKind>

/** What asks a model for something. */
export function registerOpenAi(app: FastifyInstance, options: OpenAiRoutesOptions): void {
  const { service, gate, writer: writing } = options
  for (const [path, kind] of Object.entries(ROUTES)) {
    app.post(path, { bodyLimit: PROMPT_BYTES_MAX }, async (request, reply) => {
      const caller = callerOf(request)
      using writer = new AnswerWriter(reply, writing)
      const response = await service.handle(kind, bodyOf(request), headersOf(request), {
        signal: goneSignal(reply),
        id: request.id,
        caller: caller.id,
        admit: (facts) => gate.admit(caller, facts),
        trace: traceOf(request),
        onStream: () => writer.expectStream(),
      })
      const { headers, status } = response
      request.log.info(
        {
          session: headers['x-hanse-session'],
          provider: headers['x-hanse-provider'],
          status,
        },
        status < 400 ? 'answering' : 'refused',
      )
      await writer.send(response)
    })
  }
}

/** The one sign that a client gives up is that it closes its connection. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableEnded) gone.abort()
  })
  return gone.signal
}

export function headersOf({ headers }: FastifyRequest): RequestHeaders {
  return {
    get: (name) => {
      const value = headers[name]
      return Array.isArray(value) ? value.join(',') : value
    },
  }
}

/** `traceparent` as W3C Trace Context has it; what is malformed is left out. */
export function traceOf({ headers: { traceparent } }: FastifyRequest): string | undefined {
  if (typeof traceparent !== 'string') return undefined
  return /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/u.test(traceparent) ? traceparent : undefined
}

/** An empty body comes as none. */
function bodyOf({ body }: FastifyRequest): Uint8Array {
  return body instanceof Uint8Array ? body : new Uint8Array()
}
