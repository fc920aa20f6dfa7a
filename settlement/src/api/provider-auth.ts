import { type PeerId, requestSigner } from '@hanse/protocol'
import type { FastifyRequest } from 'fastify'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'

/**
 * Which provider sends a request, by the signature of its node (RFC 9421). The route needs its body as it came.
 *
 * @throws {SettlementError} HANSE_UNAUTHENTICATED
 */
export function providerOf(
  request: FastifyRequest,
  { network, signer, now }: Pick<SettlementContext, 'network' | 'signer' | 'now'>,
): PeerId {
  const { method, url } = request
  const facts = {
    method,
    url,
    body: bodyOf(request),
    network,
    settlement: signer.peerId,
    at: now(),
  }
  const peerId = requestSigner(facts, {
    'content-digest': header(request, 'content-digest'),
    'signature-input': header(request, 'signature-input'),
    signature: header(request, 'signature'),
  })
  if (peerId !== undefined) return peerId
  throw new SettlementError(
    'HANSE_UNAUTHENTICATED',
    'sign the request with the node’s key (RFC 9421), not more than a minute ago',
  )
}

function bodyOf({ body }: FastifyRequest): Uint8Array {
  if (body === undefined || body === null) return new Uint8Array()
  if (Buffer.isBuffer(body)) return body
  throw new SettlementError('HANSE_MEDIA_TYPE', 'send application/json')
}

const header = (request: FastifyRequest, name: string): string => {
  const value = request.headers[name]
  return typeof value === 'string' ? value : ''
}
