import { createHash, timingSafeEqual } from 'node:crypto'
import { isPeerId, type PeerId, publicKeyOfPeer, type Signer, verifyEd25519 } from '@hanse/protocol'
import type { FastifyRequest } from 'fastify'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'

// HTTP message signatures (RFC 9421) with the key of a node, in one fixed form: these components, in this order.

/** A request is good for a minute either way: long enough for clocks that are a little off. */
const SKEW_SECONDS = 60
const COVERED = '("@method" "@path" "@query" "content-digest")'
const INPUT =
  /^hanse=(\("@method" "@path" "@query" "content-digest"\);created=(\d{1,12});keyid="([\w]{1,80})";alg="ed25519";tag="([\w./:-]{1,200})")$/u
const SIGNATURE = /^hanse=:([A-Za-z0-9+/]{86}==):$/u

export interface RequestToSign {
  readonly method: string
  /** Path and query, as sent. */
  readonly url: string
  readonly body?: Uint8Array
  readonly network: string
  /** Peer id of the settlement that is asked: another one can do nothing with the request. */
  readonly settlement: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** The headers that show that a node sends this request. */
export function signRequest(signer: Signer, request: RequestToSign): Record<string, string> {
  const created = Math.floor(request.at / 1000)
  const parameters = `${COVERED};created=${created};keyid="${signer.peerId}";alg="ed25519";tag="${tagOf(request.network, request.settlement)}"`
  const digest = digestOf(request.body)
  const signature = signer.sign(baseOf(request, digest, parameters))
  return {
    'content-digest': digest,
    'signature-input': `hanse=${parameters}`,
    signature: `hanse=:${Buffer.from(signature).toString('base64')}:`,
  }
}

/**
 * Which provider sends a request. The route needs its body as it came: see `rawBodies`.
 *
 * @throws {SettlementError} HANSE_UNAUTHENTICATED
 */
export function providerOf(
  request: FastifyRequest,
  { network, signer, now }: Pick<SettlementContext, 'network' | 'signer' | 'now'>,
): PeerId {
  const input = INPUT.exec(header(request, 'signature-input'))
  const encoded = SIGNATURE.exec(header(request, 'signature'))?.[1]
  const [, parameters = '', created = '', peerId = '', tag] = input ?? []
  if (encoded === undefined || !isPeerId(peerId) || tag !== tagOf(network, signer.peerId))
    throw refusal()
  if (Math.abs(now() / 1000 - Number(created)) > SKEW_SECONDS) throw refusal()
  const digest = digestOf(bodyOf(request))
  if (!isSame(digest, header(request, 'content-digest'))) throw refusal()
  const base = baseOf({ method: request.method, url: request.url }, digest, parameters)
  const signature = Uint8Array.from(Buffer.from(encoded, 'base64'))
  if (!verifyEd25519(publicKeyOfPeer(peerId), base, signature)) throw refusal()
  return peerId
}

/** The name of what is signed, so that a signature for one network or one settlement is none for another. */
const tagOf = (network: string, settlement: string): string =>
  `hanse/${network.replaceAll(/[^\w./:-]/gu, '_')}/${settlement}`

function baseOf(
  { method, url }: Pick<RequestToSign, 'method' | 'url'>,
  digest: string,
  parameters: string,
): Uint8Array {
  const mark = url.indexOf('?')
  const path = mark === -1 ? url : url.slice(0, mark)
  return Buffer.from(
    [
      `"@method": ${method}`,
      `"@path": ${path}`,
      `"@query": ${mark === -1 ? '?' : url.slice(mark)}`,
      `"content-digest": ${digest}`,
      `"@signature-params": ${parameters}`,
    ].join('\n'),
  )
}

const digestOf = (body: Uint8Array = new Uint8Array()): string =>
  `sha-256=:${createHash('sha256').update(body).digest('base64')}:`

function bodyOf({ body }: FastifyRequest): Uint8Array {
  if (body === undefined || body === null) return new Uint8Array()
  if (Buffer.isBuffer(body)) return body
  throw new SettlementError('HANSE_MEDIA_TYPE', 'send application/json')
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

const header = (request: FastifyRequest, name: string): string => {
  const value = request.headers[name]
  return typeof value === 'string' ? value : ''
}

const refusal = () =>
  new SettlementError(
    'HANSE_UNAUTHENTICATED',
    'sign the request with the node’s key (RFC 9421), not more than a minute ago',
  )
