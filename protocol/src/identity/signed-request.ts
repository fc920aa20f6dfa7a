import { sha256 } from '#crypto'
import { fromBase64, toBase64 } from '../log/base64.ts'
import { verifyEd25519 } from './ed25519.ts'
import type { Signer } from './keys.ts'
import { isPeerId, type PeerId, publicKeyOfPeer } from './peer-id.ts'

// HTTP message signatures (RFC 9421) with the key of a node, in one fixed form: these components, in this order.

/** A request is good for a minute either way: long enough for clocks that are a little off. */
const SKEW_SECONDS = 60
const COVERED = '("@method" "@path" "@query" "content-digest")'
const INPUT =
  /^hanse=(\("@method" "@path" "@query" "content-digest"\);created=(\d{1,12});keyid="([\w]{1,80})";alg="ed25519";tag="([\w./:-]{1,200})")$/u
const SIGNATURE = /^hanse=:([A-Za-z0-9+/]{86}==):$/u

/** What is asked, and of whom. */
export interface RequestFacts {
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

/** Of the request, by name in small letters. */
export interface SignatureHeaders {
  readonly 'content-digest': string
  readonly 'signature-input': string
  readonly signature: string
}

/** The headers that show that a node sends this request. */
export function signRequest(signer: Signer, request: RequestFacts): Record<string, string> {
  const created = Math.floor(request.at / 1000)
  const parameters = `${COVERED};created=${created};keyid="${signer.peerId}";alg="ed25519";tag="${tagOf(request)}"`
  const digest = digestOf(request.body)
  const signature = signer.sign(baseOf(request, digest, parameters))
  return {
    'content-digest': digest,
    'signature-input': `hanse=${parameters}`,
    signature: `hanse=:${toBase64(signature)}:`,
  }
}

/** Which node sends a request that was received at `at`; `undefined` when that is not shown. */
export function requestSigner(
  request: RequestFacts,
  headers: SignatureHeaders,
): PeerId | undefined {
  const [, parameters = '', created = '', peerId = '', tag] =
    INPUT.exec(headers['signature-input']) ?? []
  const signature = fromBase64(SIGNATURE.exec(headers.signature)?.[1] ?? '')
  if (signature?.byteLength !== 64 || !isPeerId(peerId) || tag !== tagOf(request)) return undefined
  if (Math.abs(request.at / 1000 - Number(created)) > SKEW_SECONDS) return undefined
  const digest = digestOf(request.body)
  if (digest !== headers['content-digest']) return undefined
  const base = baseOf(request, digest, parameters)
  return verifyEd25519(publicKeyOfPeer(peerId), base, signature) ? peerId : undefined
}

/** The name of what is signed, so that a signature for one network or one settlement is none for another. */
const tagOf = ({ network, settlement }: RequestFacts): string =>
  `hanse/${network.replaceAll(/[^\w./:-]/gu, '_')}/${settlement}`

function baseOf({ method, url }: RequestFacts, digest: string, parameters: string): Uint8Array {
  const mark = url.indexOf('?')
  const path = mark === -1 ? url : url.slice(0, mark)
  return new TextEncoder().encode(
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
  `sha-256=:${toBase64(sha256(body))}:`
