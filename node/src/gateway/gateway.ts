import { createHash, timingSafeEqual } from 'node:crypto'
import cors from '@fastify/cors'
import { ERRORS, HanseError, type LogStore, PROMPT_BYTES_MAX } from '@hanse/protocol'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { FieldError } from './chat-request.ts'
import { registerChat } from './chat-route.ts'
import { registerLog } from './log-routes.ts'
import { type MarketRoutesOptions, registerMarket } from './market-routes.ts'
import { openAiError, retryHeaders, toHanseError } from './openai-error.ts'

export interface GatewayOptions extends MarketRoutesOptions {
  readonly log: FastifyBaseLogger
  /** When set, every request but /healthz must carry it as a bearer token. */
  readonly apiKey: string | undefined
  readonly health: () => Record<string, unknown>
  /** The node's own transparency log, where it keeps one. */
  readonly auditLog?: LogStore | undefined
}

/** The OpenAI-compatible HTTP server over a consumer node. Not listening yet. */
export async function createGateway(options: GatewayOptions): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: options.log,
    // Request bodies are prompts: nothing of a request is logged but what the handlers choose.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: PROMPT_BYTES_MAX,
    requestIdHeader: 'x-request-id',
    // Answers may take minutes; the session's own deadline ends them.
    requestTimeout: 60_000,
    forceCloseConnections: 'idle',
  })
  // Prompts go out byte for byte, so they are not parsed and printed again.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  )
  // Any page may read the public market; a page that posts prompts needs the owner's own origin.
  await app.register(cors, { origin: '*', methods: ['GET'], exposedHeaders: ['x-request-id'] })
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id)
    if (options.apiKey !== undefined && request.url !== '/healthz') {
      requireKey(request.headers.authorization, options.apiKey)
    }
  })
  app.setErrorHandler(async (error, request, reply) => {
    const fault = toHanseError(error)
    const { http } = ERRORS[fault.code]
    if (http >= 500) request.log.warn({ code: fault.code, cause: causeOf(fault) }, fault.message)
    const param = fault instanceof FieldError ? fault.param : null
    return await reply.status(http).headers(retryHeaders(fault)).send(openAiError(fault, param))
  })
  app.setNotFoundHandler(async (request, reply) => {
    const fault = new HanseError(
      'HANSE_NOT_FOUND',
      `${request.method} ${request.url.split('?')[0]?.slice(0, 200)} does not exist`,
    )
    return await reply.status(404).headers(retryHeaders(fault)).send(openAiError(fault))
  })
  app.get('/healthz', async () => ({ status: 'ok', ...options.health() }))
  registerChat(app, options.consumer)
  registerMarket(app, options)
  if (options.auditLog !== undefined) registerLog(app, options.auditLog)
  return app
}

function requireKey(header: string | undefined, key: string): void {
  const given = /^Bearer (.+)$/u.exec(header ?? '')?.[1] ?? ''
  const digest = (text: string) => createHash('sha256').update(text).digest()
  if (!timingSafeEqual(digest(given), digest(key))) {
    throw new HanseError('HANSE_UNAUTHENTICATED', 'the API key is missing or wrong')
  }
}

function causeOf(fault: HanseError): string | undefined {
  return fault.cause instanceof Error ? fault.cause.message : undefined
}
