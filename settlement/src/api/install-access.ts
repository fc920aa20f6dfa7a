import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { letIn } from './auth.ts'
import { foundKey } from './find-caller.ts'
import { recordChanges } from './record-changes.ts'

/** What holds for every route: keys have their limits, nobody is let in whom the route does not want, changes are written down. */
export function installAccess(
  app: FastifyInstance,
  context: SettlementContext,
  operatorToken: string,
): void {
  // After `onRequest`, in which addresses are limited: an address's headers give way to the key's, which are narrower.
  app.addHook('preParsing', (request, reply) => limitKey(context, request, reply))
  app.addHook('preParsing', (request) => letIn(request, context, operatorToken))
  recordChanges(app, context)
}

async function limitKey(
  { store, now }: SettlementContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const key = await foundKey(request, store)
  if (key?.requestsPerMinute == null) return
  const { prefix, requestsPerMinute } = key
  const { isAllowed, remaining, resetMs } = await store.takeRequest(
    prefix,
    requestsPerMinute,
    now(),
  )
  reply.headers({
    'ratelimit-limit': requestsPerMinute,
    'ratelimit-remaining': remaining,
    'ratelimit-reset': Math.ceil(resetMs / 1000),
  })
  if (isAllowed) return
  throw new SettlementError('HANSE_RATE_LIMITED', 'this key has used its requests of this minute', {
    retryAfterMs: resetMs,
  })
}
