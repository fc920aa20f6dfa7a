import cors from '@fastify/cors'
import { type LogStore, PROMPT_BYTES_MAX } from '@hanse/protocol'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { OpenAiService } from '../openai/index.ts'
import type { AnswerWriterOptions } from './answer-writer.ts'
import { guard } from './caller.ts'
import { answerErrors } from './error-handler.ts'
import { registerGenerations } from './generation-routes.ts'
import type { Generations } from './generations.ts'
import { registerLog } from './log-routes.ts'
import { type MarketRoutesOptions, registerMarket } from './market-routes.ts'
import { registerModels } from './model-routes.ts'
import { answerUnknown } from './not-found.ts'
import { registerOllama } from './ollama/ollama-routes.ts'
import { registerOpenAi } from './openai-routes.ts'
import type { RequestGate } from './request-gate.ts'
import { requestId } from './request-id.ts'
import { type RequestObserver, UNOBSERVED } from './request-observer.ts'
import { type RulesRoutesOptions, registerRules } from './rules-routes.ts'
import { registerSpotChecks } from './spot-check-routes.ts'
import { dropUnusedConnections } from './unused-connections.ts'

export interface GatewayOptions extends MarketRoutesOptions {
  readonly log: FastifyBaseLogger
  readonly service: OpenAiService
  /** Every request but /healthz passes it. */
  readonly gate: RequestGate
  /** Requests without a key must name this machine; true when absent. For a gateway that is open to others, false. */
  readonly onlyLocal?: boolean
  readonly writer: AnswerWriterOptions
  /** Hears of every request for a model. */
  readonly observer?: RequestObserver
  /** What past answers cost. */
  readonly generations: Generations
  /** What the owner rules, and what came of it. */
  readonly rules?: RulesRoutesOptions | undefined
  readonly health: () => Record<string, unknown>
  /** The node's own transparency log, where it keeps one. */
  readonly auditLog?: LogStore | undefined
}

/** Answers may take minutes; the session's own deadline ends them. A request has this long to arrive, ms. */
const REQUEST_MS = 60_000

/** The OpenAI-compatible HTTP server over a consumer node. Not listening yet. */
export async function createGateway(options: GatewayOptions): Promise<FastifyInstance> {
  const { consumer, service, gate, writer, generations, rules, auditLog } = options
  const app = Fastify({
    loggerInstance: options.log,
    // Request bodies are prompts: nothing of a request is logged but what the handlers choose.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: PROMPT_BYTES_MAX,
    genReqId: requestId,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: 'idle',
  })
  dropUnusedConnections(app)
  // Prompts go out byte for byte, so they are not parsed and printed again.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  )
  // Any page may read the public market; a page that posts prompts needs the owner's own origin.
  await app.register(cors, { origin: '*', methods: ['GET'], exposedHeaders: ['x-request-id'] })
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id)
  })
  guard(app, gate, options.onlyLocal ?? true)
  answerErrors(app)
  answerUnknown(app)
  app.get('/healthz', async () => ({ status: 'ok', ...options.health() }))
  const taking = { service, gate, observer: options.observer ?? UNOBSERVED }
  registerOpenAi(app, { ...taking, writer })
  await registerOllama(app, { ...taking, consumer, now: options.now })
  registerModels(app, consumer)
  registerMarket(app, options)
  registerGenerations(app, generations)
  registerSpotChecks(app, options.store)
  if (rules !== undefined) registerRules(app, rules)
  if (auditLog !== undefined) registerLog(app, auditLog)
  return app
}
