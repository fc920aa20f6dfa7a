import { formatEuro, TRACEPARENT } from '@hanse/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RequestKind } from '../engine/engine.ts'
import { costOf } from '../openai/costs.ts'
import type {
  OpenAiResponse,
  OpenAiService,
  RequestHeaders,
  RequestRecord,
} from '../openai/index.ts'
import { callerOf } from './caller.ts'
import type { RequestGate } from './request-gate.ts'
import type { RequestObserver } from './request-observer.ts'

export interface TakeOptions {
  readonly service: OpenAiService
  readonly gate: RequestGate
  readonly observer: RequestObserver
}

/** Of what a client made up. */
const NAME_MAX = 128

/** Takes a request for a model, in whatever protocol it came: past the gate, and watched to its end. Never rejects. */
export async function takeRequest(
  { service, gate, observer }: TakeOptions,
  {
    kind,
    body,
    request,
    reply,
    onStream,
  }: {
    readonly kind: RequestKind
    /** In OpenAI's form. */
    readonly body: Uint8Array
    readonly request: FastifyRequest
    readonly reply: FastifyReply
    readonly onStream?: () => void
  },
): Promise<OpenAiResponse> {
  const caller = callerOf(request)
  let isAdmitted = false
  const observed = observer.begin({
    kind,
    method: request.method,
    route: request.routeOptions.url ?? '',
    traceparent: traceOf(request),
    id: request.id,
  })
  const response = await service.handle(kind, body, headersOf(request), {
    signal: goneSignal(reply),
    id: request.id,
    caller: caller.id,
    admit: (facts) => {
      const admission = gate.admit(caller, facts)
      isAdmitted = true
      return admission
    },
    trace: observed.trace,
    onEnd: (record) => {
      observed.ended(record)
      request.log.info(logFieldsOf(record), record.error === undefined ? 'answered' : 'failed')
    },
    ...(onStream && { onStream }),
  })
  if (!isAdmitted) {
    observed.refused(response.status)
    request.log.info({ kind, status: response.status }, 'refused')
  }
  return response
}

/** The one sign that a client gives up is that it closes its connection. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableEnded) gone.abort()
  })
  return gone.signal
}

function headersOf({ headers }: FastifyRequest): RequestHeaders {
  return {
    get: (name) => {
      const value = headers[name]
      return Array.isArray(value) ? value.join(',') : value
    },
  }
}

/** `traceparent` as W3C Trace Context has it; what is malformed is left out. */
function traceOf({ headers: { traceparent } }: FastifyRequest): string | undefined {
  return typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? traceparent : undefined
}

/** What a request came to, in numbers and names; never a word of it. */
function logFieldsOf(record: RequestRecord): Record<string, unknown> {
  const { facts, answers, outcomes } = record
  return {
    kind: facts.kind,
    model: answers[0]?.model ?? facts.model.slice(0, NAME_MAX),
    status: record.status,
    error: record.error,
    providers: answers.flatMap(({ parts }) => parts.map(({ provider }) => provider)),
    sessions: outcomes.map(({ session }) => session),
    inputTokens: record.inputTokens,
    outputTokens: record.outputTokens,
    cost: formatEuro(costOf(record)),
    firstMs: record.firstMs,
    totalMs: record.totalMs,
    replayed: record.replayed,
  }
}
