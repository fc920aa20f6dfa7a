import { HanseError } from '@hanse/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isLocalHost } from './local-hosts.ts'
import type { Caller, RequestGate } from './request-gate.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sends it; set for every route but /healthz. */
    caller: Caller | null
  }
}

/**
 * Lets nobody pass whom the gate does not let in.
 *
 * @param onlyLocal whoever comes without a key must know this machine by a name of its own
 */
export function guard(app: FastifyInstance, gate: RequestGate, onlyLocal: boolean): void {
  app.decorateRequest('caller', null)
  app.addHook('onRequest', async (request) => {
    const path = pathOf(request)
    if (path === '/healthz') return
    const key = keyOf(request)
    request.caller = gate.authenticate({ method: request.method, path, key, address: request.ip })
    if (onlyLocal && key === undefined && !isLocalHost(request.headers.host))
      throw new HanseError(
        'HANSE_FORBIDDEN',
        'without a key this gateway answers only to names of its own machine: use localhost, or a key',
      )
  })
}

/** Who sends a request. Every route but /healthz is behind the gate. */
export function callerOf({ caller }: FastifyRequest): Caller {
  if (caller === null) throw new Error('the request did not pass the gate')
  return caller
}

/** Without the query. */
export function pathOf({ url }: FastifyRequest): string {
  return url.split('?', 1)[0] ?? url
}

function keyOf({ headers }: FastifyRequest): string | undefined {
  const bearer = /^Bearer +(\S.*)$/iu.exec(headers.authorization ?? '')?.[1]
  const other = headers['x-api-key']
  return bearer?.trim() ?? (typeof other === 'string' ? other : undefined)
}
