import { HanseError } from '@hanse/protocol'
import type { FastifyRequest } from 'fastify'

/** For what is the owner's own: pages of other origins may read the public market, and not this. */
export async function refuseOtherOrigins({ headers }: FastifyRequest): Promise<void> {
  if (headers.origin !== undefined)
    throw new HanseError('HANSE_FORBIDDEN', 'this is not for web pages of other origins')
}
