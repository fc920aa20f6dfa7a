import { HanseError } from '@hanse/protocol'
import type { FastifyInstance } from 'fastify'
import { callerOf } from './caller.ts'
import type { Generations } from './generations.ts'

/** What a past answer cost, by the id of its request or of one of its sessions. */
export function registerGenerations(app: FastifyInstance, generations: Generations): void {
  for (const path of ['/hanse/v1/generation', '/v1/generation']) {
    app.get<{ Querystring: { id?: string } }>(path, async (request) => {
      const { id = '' } = request.query
      const { owner, id: caller } = callerOf(request)
      const data = generations.find(id, owner ? undefined : caller)
      if (data !== undefined) return { data }
      const what =
        'no such answer since this gateway was started; see /hanse/v1/sessions for older ones'
      throw new HanseError('HANSE_NOT_FOUND', what)
    })
  }
}
