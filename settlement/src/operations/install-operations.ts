import { getHeapStatistics } from 'node:v8'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { SettlementError } from '../errors.ts'
import { countInFlight } from './count-in-flight.ts'
import { EventLoopWatch } from './event-loop.ts'
import type { Operations } from './operations.ts'
import type { Overload } from './pressure.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered also when there is too much to do: what tells an operator about it, and the way out of it. */
    readonly always?: boolean
  }
}

/** When an event loop or a heap that is full may have recovered. */
const RETRY_AFTER_MS = 2_000

/**
 * Counts and times requests, refuses them with `retry-after` before memory grows, and while the process is stopping asks
 * every client to come back on another connection.
 */
export function installOperations(app: FastifyInstance, operations: Operations): void {
  const { metrics, limits, pressure } = operations
  const loop = new EventLoopWatch(limits.eventLoopMs)
  app.addHook('onClose', async () => loop[Symbol.dispose]())
  pressure.add(() => (loop.isOverloaded ? scarce('processor') : undefined))
  pressure.add(() =>
    getHeapStatistics().used_heap_size > limits.heapBytes ? scarce('memory') : undefined,
  )
  const inFlight = countInFlight(app, (requests) => metrics.inFlight.set(requests))
  operations.requestsInFlight = inFlight
  app.addHook('onRequest', async (request) => {
    const overload = inFlight() > limits.requests ? scarce('requests') : pressure.overload
    if (overload !== undefined) refuse(operations, request, overload)
  })
  app.addHook('onSend', async (_request, reply) => {
    if (operations.draining) reply.header('connection', 'close')
  })
  app.addHook('onResponse', async (request, reply) => count(operations, request, reply))
}

const scarce = (what: string): Overload => ({ what, retryAfterMs: RETRY_AFTER_MS })

function refuse({ metrics }: Operations, request: FastifyRequest, overload: Overload): void {
  if (request.routeOptions.config.always === true) return
  metrics.refused.inc({ reason: overload.what })
  throw new SettlementError('HANSE_OVERLOADED', `not enough ${overload.what}`, {
    retryAfterMs: overload.retryAfterMs,
  })
}

/** An address that nobody serves is one of them. */
function count({ metrics }: Operations, request: FastifyRequest, reply: FastifyReply): void {
  const route = request.routeOptions.url ?? 'none'
  const { method } = request
  metrics.answered({ method, route, status: reply.statusCode, tookMs: reply.elapsedTime })
}
