import { randomBytes } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import qs from 'qs'
import type { Answerer } from './answerer.ts'
import { invalidRequest, StripeFault } from './fault.ts'
import { operations } from './operations.ts'
import { faultOfServer, pathOf, qsOptions, send } from './wire.ts'

// Stripe's largest request here is a few kB; a bigger one is a mistake.
const bodyBytesMax = 256 * 1024

/** The HTTP server with Stripe's API on it. */
export function apiServer(answerer: Answerer): FastifyInstance {
  const app = Fastify({
    bodyLimit: bodyBytesMax,
    forceCloseConnections: true,
    requestTimeout: 30_000,
    routerOptions: {
      querystringParser: (query) => qs.parse(query, qsOptions),
      maxParamLength: 255,
    },
  })
  readBodies(app)
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('request-id', `req_${randomBytes(8).toString('hex')}`)
  })
  app.setErrorHandler((error, _request, reply) => {
    const fault = error instanceof StripeFault ? error : faultOfServer(error)
    return send(reply, fault.status, JSON.stringify(fault))
  })
  app.setNotFoundHandler((request, reply) => {
    const message = `Unrecognized request URL (${request.method}: ${pathOf(request)}).`
    const fault = new StripeFault(404, 'invalid_request_error', message)
    return send(reply, 404, JSON.stringify(fault))
  })
  for (const operation of operations) {
    app.route({
      method: operation.method,
      url: operation.path,
      handler: (request, reply) => answerer.answer(operation, request, reply),
    })
  }
  return app
}

/** v1 sends forms, v2 sends JSON. */
function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, qs.parse(String(body), qsOptions)),
  )
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, body === '' ? {} : JSON.parse(String(body)))
    } catch {
      done(invalidRequest('Invalid JSON.'))
    }
  })
}
