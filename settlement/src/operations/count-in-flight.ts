import type { FastifyInstance, FastifyRequest } from 'fastify'

/**
 * Counts requests until they are answered and their handlers have ended, whichever is later: a client that hangs up does not
 * end the work that it asked for. Before any route is added, for it looks into each.
 *
 * @param changed told the count whenever it is another one
 * @returns how many there are
 */
export function countInFlight(
  app: FastifyInstance,
  changed: (requests: number) => void,
): () => number {
  /** What each waits for: its answer, and its handler while that runs. */
  const waits = new WeakMap<FastifyRequest, number>()
  let inFlight = 0
  const add = (request: FastifyRequest, more: 1 | -1): void => {
    const before = waits.get(request) ?? 0
    waits.set(request, before + more)
    if (before > 0 && before + more > 0) return
    inFlight += more
    changed(inFlight)
  }
  app.addHook('onRoute', (route) => {
    const { handler } = route
    route.handler = async function (request, reply) {
      add(request, 1)
      try {
        return await handler.call(this, request, reply)
      } finally {
        add(request, -1)
      }
    }
  })
  app.addHook('onRequest', async (request, reply) => {
    add(request, 1)
    reply.raw.once('close', () => add(request, -1))
  })
  return () => inFlight
}
