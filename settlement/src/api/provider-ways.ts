import type { PeerId } from '@hanse/protocol'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { signedIn } from './auth.ts'
import { providerOf } from './provider-auth.ts'
import { peerId } from './schemas.ts'
import { requireFresh } from './session.ts'

/** Of a path: what a way in needs of it, to which a route adds its own. */
export type PathParameters = z.ZodObject<Record<never, never>>

/**
 * A way in which a provider asks: its node signs, or a person is signed in whom the node's key has let in. What is asked
 * and answered is the same; only who may ask is found out differently.
 */
export interface ProviderWay {
  readonly prefix: string
  readonly config: { readonly access: 'signed' | 'person' }
  readonly params: PathParameters
  /** @throws {SettlementError} HANSE_UNAUTHENTICATED; HANSE_NOT_FOUND for a node that is not theirs */
  readonly reader: (request: FastifyRequest) => Promise<PeerId>
  /**
   * For what changes where the money goes or who it is said to be of: a session that somebody left open is not enough.
   *
   * @throws {SettlementError} also HANSE_SIGN_IN_AGAIN
   */
  readonly writer: (request: FastifyRequest) => Promise<PeerId>
}

type Context = Pick<SettlementContext, 'store' | 'network' | 'signer' | 'now'>

/** By the signature of the node. */
export function nodeWay(context: Context, prefix = '/v1/providers/self'): ProviderWay {
  const reader = async (request: FastifyRequest) => providerOf(request, context)
  return {
    prefix,
    config: { access: 'signed' },
    params: z.object({}),
    reader,
    writer: reader,
  }
}

/** By the session of a person, for a node that is linked to them at this moment. */
export function ownerWay(context: Context): ProviderWay {
  const { store, now } = context
  const reader = async (request: FastifyRequest) => {
    const { person } = signedIn(request)
    const node = (request.params as { readonly peerId: PeerId }).peerId
    if (await store.isNodeOwner(person, node)) return node
    // The same for a node that is another's and for one that is nobody's.
    throw new SettlementError('HANSE_NOT_FOUND', `no node ${node} is linked to you`)
  }
  return {
    prefix: '/v1/account/nodes/:peerId',
    config: { access: 'person' },
    params: z.object({ peerId }),
    reader,
    writer: async (request) => {
      const node = await reader(request)
      requireFresh(signedIn(request), now())
      return node
    },
  }
}
