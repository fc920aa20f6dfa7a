import {
  type Cosigner,
  ERRORS,
  type ErrorCode,
  HanseError,
  WITNESS_SIZE_TYPE,
  type WitnessDecision,
} from '@hanse/protocol'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  LogController,
} from 'fastify'
import { faultOfServer } from '../gateway/error-handler.ts'
import { type Rate, RateLimit } from './rate-limit.ts'
import type { SeenFork, WitnessStore } from './witness-store.ts'

export interface WitnessOptions {
  /** Keys of the logs that are witnessed. */
  readonly logKeys: readonly string[]
  readonly cosigner: Cosigner
  readonly store: WitnessStore
  readonly log: FastifyBaseLogger
  readonly now: () => number
  /** Of one address. */
  readonly rate?: Rate
  readonly onFork?: (fork: SeenFork) => void
}

/** 63 proof lines, a checkpoint, and sixteen of the largest signatures three times over. */
const BODY_BYTES_MAX = 256 * 1024
/** A log that signs every second, with its retries; each request costs two signature checks. */
const RATE: Rate = { burst: 50, perSecond: 10 }
const TEXT = 'text/plain; charset=utf-8'

/** The HTTP server of a witness (C2SP tlog-witness). Not listening yet. */
export function createWitness(options: WitnessOptions): FastifyInstance {
  const { store, cosigner, logKeys, log, now, rate = RATE, onFork } = options
  const limit = new RateLimit(rate, now)
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: 10_000,
    forceCloseConnections: true,
  })
  // The specification names no content type for requests: bodies are read whatever they say to be.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.setErrorHandler(async (error, request, reply) => {
    const fault = faultOfServer(error)
    const { http, advice } = ERRORS[fault.code]
    if (http >= 500) request.log.error({ code: fault.code }, fault.message)
    return await coded(reply, fault.code, http).send(`${fault.message}. ${advice}\n`)
  })
  app.setNotFoundHandler(
    async (_request, reply) =>
      await coded(reply, 'HANSE_NOT_FOUND', 404).send('there is no such resource\n'),
  )
  app.addHook('onRequest', async (request, reply) => {
    if (limit.take(request.ip)) return
    await coded(reply, 'HANSE_RATE_LIMITED', 429).header('retry-after', '1').send('slow down\n')
  })

  app.post('/add-checkpoint', async ({ body }, reply) => {
    const bytes = body instanceof Uint8Array ? new Uint8Array(body) : new Uint8Array(0)
    const nowSeconds = BigInt(Math.floor(now() / 1000))
    const { decision, fork } = store.add({ logKeys, cosigner, nowSeconds }, bytes)
    if (fork !== undefined) {
      tell(log, fork)
      onFork?.(fork)
    }
    const code = codeOf(decision)
    if (code !== undefined) void coded(reply, code, decision.status)
    const type = decision.status === 409 ? WITNESS_SIZE_TYPE : TEXT
    return await reply.status(decision.status).type(type).send(decision.body)
  })

  app.get<{ Params: { hash: string } }>('/:hash/checkpoint', async ({ params }, reply) => {
    const checkpoint = store.latestByHash(params.hash)
    if (checkpoint === undefined) throw new HanseError('HANSE_NOT_FOUND', 'no such log')
    return await reply.type(TEXT).header('cache-control', 'no-cache').send(checkpoint)
  })

  app.get('/forks', async () => ({ witness: cosigner.vkey, forks: store.forks() }))
  return app
}

function tell(log: FastifyBaseLogger, { origin, kind, first, second }: SeenFork): void {
  if (kind === 'fork') {
    log.fatal(
      { code: 'HANSE_LOG_FORK', origin, first, second },
      `FORK: ${origin} signed two trees of one size; publish both checkpoints (GET /forks)`,
    )
  } else {
    log.error(
      { code: 'HANSE_LOG_PROOF', origin, first, second },
      `${origin} signed a tree that was not shown to continue the latest one`,
    )
  }
}

/** Beside the status that the specification asks for, for clients that know ours. */
function codeOf(decision: WitnessDecision): ErrorCode | undefined {
  if ('evidence' in decision && decision.evidence !== undefined) return 'HANSE_LOG_FORK'
  switch (decision.status) {
    case 200:
      return undefined
    case 400:
      return 'HANSE_LOG_WITNESS_REQUEST'
    case 403:
      return 'HANSE_LOG_UNSIGNED'
    case 404:
      return 'HANSE_LOG_ORIGIN'
    case 409:
      return 'HANSE_LOG_CONFLICT'
    case 422:
      return 'HANSE_LOG_PROOF'
  }
}

function coded(reply: FastifyReply, code: ErrorCode, status: number): FastifyReply {
  return reply.status(status).type(TEXT).header('x-hanse-code', code)
}
