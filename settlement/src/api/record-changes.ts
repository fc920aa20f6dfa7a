import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { actionOf, recordAccess } from '../access/access-log.ts'
import { BEGUN } from '../access/access-log-store.ts'
import type { SettlementContext } from '../context.ts'
import { actorOf } from './auth.ts'

const begun = new WeakMap<FastifyRequest, string>()
const ended = new WeakSet<FastifyRequest>()

/**
 * Writes down every change of somebody who is known: that it begins, before it is made, and how it ended. Without the first
 * entry nothing is changed, so nothing changes in silence; after a crash between them the first one is left and says so.
 */
export function recordChanges(app: FastifyInstance, context: SettlementContext): void {
  app.addHook('preHandler', (request) => recordBegin(context, request))
  app.addHook('onSend', (request, reply) => recordEnd(context, request, reply))
}

/**
 * For what a route writes down itself, instead of how it ended.
 *
 * @returns what its entry has in common with the one from before it
 */
export function requestOf(request: FastifyRequest): { readonly request?: string } {
  ended.add(request)
  const id = begun.get(request)
  return id === undefined ? {} : { request: id }
}

async function recordBegin(
  { store, now }: SettlementContext,
  request: FastifyRequest,
): Promise<void> {
  const actor = actorOf(request)
  if (actor === undefined || isReading(request)) return
  const id = randomUUID()
  const { organization } = actor
  const entry = { ...actionOf(request), organization, actor: actor.actor, at: now() }
  await recordAccess(store, { ...entry, outcome: BEGUN, request: id })
  begun.set(request, id)
}

/** Also of who was known and refused. Of strangers nothing is written: they could fill the log. */
async function recordEnd(
  { store, now }: SettlementContext,
  request: FastifyRequest,
  { statusCode }: FastifyReply,
): Promise<void> {
  const acting = actorOf(request)
  const id = begun.get(request)
  if (acting === undefined || isReading(request)) return
  // What was not understood has changed nothing.
  const isTold = id !== undefined || statusCode === 403
  const isOwn = ended.has(request) && statusCode < 400
  if (!isTold || isOwn) return
  ended.add(request)
  const { organization, actor } = acting
  const entry = { ...actionOf(request), organization, actor, at: now(), request: id ?? null }
  try {
    await recordAccess(store, { ...entry, outcome: String(statusCode) })
  } catch (err) {
    // The change was made, and its entry from before it stands: an answer that says otherwise would be wrong.
    request.log.error({ err }, 'the end of a change could not be written down')
  }
}

const isReading = ({ method }: FastifyRequest): boolean => method === 'GET' || method === 'HEAD'
