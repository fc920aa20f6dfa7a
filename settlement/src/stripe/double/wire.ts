import type { FastifyReply, FastifyRequest } from 'fastify'
import { StripeFault } from './fault.ts'

/** What goes back over the wire, or is replayed. */
export interface Answer {
  readonly status: number
  readonly body: string
  readonly replayed: boolean
}

// Stripe's own nesting is at most a handful deep; qs turns what is deeper into literal keys.
export const qsOptions = {
  depth: 8,
  arrayLimit: 100,
  parameterLimit: 1_000,
  allowDots: false,
} as const

export function requireKey(authorization: string | undefined): void {
  const secret = /^(?:Bearer|Basic) +(\S+)$/i.exec(authorization ?? '')?.[1]
  if (secret === undefined) {
    throw new StripeFault(
      401,
      'invalid_request_error',
      "You did not provide an API key. Provide it in the Authorization header, as 'Bearer YOUR_SECRET_KEY'.",
    )
  }
  // Live keys are refused too: nothing live may ever talk to the double. The key is not repeated.
  if (!/^(?:sk|rk)_test_\w{1,240}$/.test(secret)) {
    throw new StripeFault(401, 'invalid_request_error', 'Invalid API Key provided.', {
      code: 'api_key_invalid',
    })
  }
}

export function expandOf(params: unknown): readonly string[] {
  const paths = typeof params === 'object' && params !== null ? Reflect.get(params, 'expand') : []
  return Array.isArray(paths) ? paths.map(String) : []
}

export function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? ''
}

export function plannedFailure(status: number): Answer {
  const type = status === 429 ? 'rate_limit_error' : 'api_error'
  const code = status === 429 ? { code: 'rate_limit' } : {}
  return answerOf(new StripeFault(status, type, 'A failure that a test asked for.', code))
}

/** @throws what is not a refusal: a broken invariant must not look like Stripe's answer. */
export function answerOf(error: unknown): Answer {
  if (!(error instanceof StripeFault)) throw error
  return { status: error.status, body: JSON.stringify(error), replayed: false }
}

export function faultOfServer(error: unknown): StripeFault {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : 500
  if (typeof status === 'number' && status < 500) {
    return new StripeFault(status, 'invalid_request_error', 'The request could not be read.')
  }
  return new StripeFault(500, 'api_error', 'The Stripe double failed.')
}

export function send(reply: FastifyReply, status: number, body: string): FastifyReply {
  return reply.code(status).type('application/json; charset=utf-8').send(body)
}
