import { type ErrorCode, HanseError } from '@hanse/protocol'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { errorEntry, isSettlementCode, type SettlementCode, SettlementError } from '../errors.ts'
import { PaymentsError } from '../stripe/index.ts'

/** RFC 9457 problem details with our stable code. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: SettlementCode
  readonly retry: boolean
}

export function problemOf(code: SettlementCode, detail: string): Problem {
  const { http, advice, retry } = errorEntry(code)
  return { type: `urn:hanse:error:${code}`, title: advice, status: http, detail, code, retry }
}

/** Every answer that is not a success is a problem, and only faults of ours are logged. */
export function installProblems(app: FastifyInstance): void {
  app.setErrorHandler((error, request, reply) =>
    send(reply, problemOfFailure(error, request, reply)),
  )
  app.setNotFoundHandler((request: FastifyRequest, reply) =>
    send(reply, problemOf('HANSE_NOT_FOUND', `${request.method} ${request.url.split('?')[0]}`)),
  )
}

/** What somebody is told of it, with the header that says when to come back; a fault of ours is logged. */
export function problemOfFailure(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Problem {
  const problem = problemOfError(error)
  if (problem.status >= 500) request.log.error({ err: error }, problem.code)
  if (error instanceof SettlementError && error.retryAfterMs !== undefined)
    reply.header('retry-after', Math.ceil(error.retryAfterMs / 1000))
  return problem
}

function send(reply: FastifyReply, problem: Problem) {
  return reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem))
}

/** Fastify's own codes for what it refuses before a handler runs. */
const FASTIFY_CODES: Record<string, ErrorCode | 'HANSE_MEDIA_TYPE'> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'HANSE_REQUEST_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'HANSE_MEDIA_TYPE',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'HANSE_REQUEST_JSON',
  FST_ERR_CTP_INVALID_JSON_BODY: 'HANSE_REQUEST_JSON',
  FST_ERR_VALIDATION: 'HANSE_REQUEST_INVALID',
}

/** What anything that was thrown is told as. */
export function problemOfError(error: unknown): Problem {
  if (error instanceof SettlementError || error instanceof HanseError) {
    // What went wrong inside is for the log, not for whoever asked.
    const detail = errorEntry(error.code).http === 500 ? 'an internal error' : error.message
    return problemOf(error.code, detail)
  }
  if (error instanceof PaymentsError) return paymentsProblem(error)
  const { code, statusCode, message } = error as {
    code?: string
    statusCode?: number
    message?: string
  }
  const known = FASTIFY_CODES[code ?? '']
  if (known !== undefined) return problemOf(known, message ?? '')
  if (isSettlementCode(code)) return problemOf(code, message ?? '')
  if (statusCode === 429) return problemOf('HANSE_RATE_LIMITED', message ?? '')
  if (error instanceof SyntaxError) return problemOf('HANSE_REQUEST_JSON', 'not JSON')
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return problemOf('HANSE_REQUEST_INVALID', message ?? '')
  }
  return problemOf('HANSE_INTERNAL', 'an internal error')
}

function paymentsProblem(error: PaymentsError): Problem {
  switch (error.code) {
    case 'HANSE_STRIPE_SIGNATURE':
      return problemOf('HANSE_WEBHOOK_SIGNATURE', error.message)
    case 'HANSE_STRIPE_UNAVAILABLE':
      return problemOf('HANSE_PAYMENTS_UNAVAILABLE', error.message)
    case 'HANSE_STRIPE_DECLINED':
    case 'HANSE_STRIPE_BALANCE_INSUFFICIENT':
    case 'HANSE_STRIPE_REFUSED':
      return problemOf('HANSE_PAYMENT_FAILED', error.message)
  }
}
