import type { FastifyContextConfig, FastifyRequest } from 'fastify'
import type { Owner } from '../notifications/owner.ts'

/** The same routes for organizations and for the operators: whose they are differs. */
export interface Side {
  readonly prefix: '/v1' | '/v1/admin'
  /** Who may call a route that looks, or one that changes something. */
  readonly access: (permission: 'alerts:read' | 'alerts:write') => FastifyContextConfig
  readonly who: (request: FastifyRequest) => { owner: Owner; actor: string }
}

export const security = [{ key: [] }]

export const MINUTE_MS = 60_000
/** Of routes that reach out to somebody. */
export const REACHING_OUT = { rateLimit: { max: 20, timeWindow: MINUTE_MS } }
