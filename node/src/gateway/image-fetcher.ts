import { lookup } from 'node:dns'
import type { IncomingMessage } from 'node:http'
import { type RequestOptions, request } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { blockList, contains, kindOfIp } from '../network/address-kinds.ts'
import type { ImageSource } from '../openai/index.ts'

/** As OpenAI takes them. */
const IMAGE_BYTES_MAX = 20 << 20
const FETCH_MS = 10_000
const REDIRECTS_MAX = 3
/** What models read; SVG is a document that may point at others. */
const TYPES = /^image\/(?:png|jpe?g|webp|gif|bmp|avif)$/u

// RFC 6890 and its kin, beyond what nobody would dial as a peer: multicast, reserved, benchmarks, and IPv4 inside of IPv6.
const SPECIAL = blockList([
  '192.0.0.0/24',
  '198.18.0.0/15',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/32',
  '2002::/16',
  'ff00::/8',
])

export interface ImageFetcherOptions {
  /** Addresses that may be connected to; what is reachable on the internet when absent. */
  readonly mayConnect?: (ip: string) => boolean
  /** Certificates to trust besides the usual ones, PEM. */
  readonly ca?: string
}

/**
 * Fetches images from the internet, and from nowhere else: a request must not make the gateway ask what is in its own
 * network, neither by address, nor by a name that leads there, nor by a redirection.
 */
export class ImageFetcher implements ImageSource {
  readonly #mayConnect: (ip: string) => boolean
  readonly #ca: string | undefined

  constructor({ mayConnect = isPublic, ca }: ImageFetcherOptions = {}) {
    this.#mayConnect = mayConnect
    this.#ca = ca
  }

  /** @throws {Error} whose message says why not, and tells nothing of the network */
  async fetch(url: string, signal: AbortSignal): Promise<string> {
    const either = AbortSignal.any([signal, AbortSignal.timeout(FETCH_MS)])
    let at = url
    for (let hop = 0; hop <= REDIRECTS_MAX; hop++) {
      const response = await this.#open(at, either)
      const { statusCode = 0, headers } = response
      if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
        response.destroy()
        at = URL.parse(headers.location, at)?.href ?? ''
        continue
      }
      if (statusCode === 200) return await readImage(response)
      response.destroy()
      throw new Error(`the server answers with ${statusCode}`)
    }
    throw new Error('the server redirects too often')
  }

  async #open(url: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { protocol, hostname, username, password } = URL.parse(url) ?? {}
    if (protocol !== 'https:' || hostname === undefined || username !== '' || password !== '')
      throw new Error('must be an https URL without user and password')
    // Names are checked as they are looked up, so that the connection goes just where the check looked.
    const literal = hostname.replaceAll(/^\[|\]$/gu, '')
    if (isIP(literal) !== 0 && !this.#mayConnect(literal)) throw notPublic()
    const options: RequestOptions = {
      signal,
      lookup: this.#lookup,
      // No connection that was made for another purpose.
      agent: false,
      headers: { accept: 'image/*', 'user-agent': 'hanse-gateway' },
      ...(this.#ca === undefined ? {} : { ca: this.#ca }),
    }
    return await new Promise((resolve, reject) => {
      const asked = request(url, options, resolve)
      asked.on('error', (error) => reject(explained(error)))
      asked.end()
    })
  }

  readonly #lookup: LookupFunction = (hostname, { all }, callback) => {
    lookup(hostname, { all: true }, (error, addresses) => {
      // One address of a private network among others is a trap as well.
      const fault =
        error ?? (addresses.every((a) => this.#mayConnect(a.address)) ? null : notPublic())
      const [first] = addresses ?? []
      if (fault !== null || first === undefined) callback(fault ?? notPublic(), [])
      else if (all === true) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }
}

/** Whether an address is somebody's on the internet. */
export function isPublic(ip: string): boolean {
  return kindOfIp(ip) === 'public' && !contains(SPECIAL, ip)
}

async function readImage(response: IncomingMessage): Promise<string> {
  const type = response.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  try {
    if (!TYPES.test(type)) throw new Error('is no image that models read (PNG, JPEG, WebP, GIF)')
    const parts: Buffer[] = []
    let bytes = 0
    for await (const part of response as AsyncIterable<Buffer>) {
      bytes += part.byteLength
      if (bytes > IMAGE_BYTES_MAX) throw new Error(`is larger than ${IMAGE_BYTES_MAX >> 20} MiB`)
      parts.push(part)
    }
    return `data:${type};base64,${Buffer.concat(parts).toString('base64')}`
  } finally {
    response.destroy()
  }
}

class NotPublic extends Error {}

function notPublic(): NotPublic {
  return new NotPublic('is not on the public internet')
}

/** Names, addresses and ports stay out of it: what can be reached from here is nobody's business. */
function explained(error: Error): Error {
  if (error instanceof NotPublic) return error
  return error.name === 'TimeoutError' ? new Error('took too long') : new Error('cannot be fetched')
}
