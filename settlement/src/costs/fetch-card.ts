import { lookup } from 'node:dns/promises'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP } from 'node:net'
import { SettlementError } from '../errors.ts'
import { reachOf } from '../outbound/address-rules.ts'
import { publicLookup, type Resolve } from '../outbound/public-lookup.ts'
import { CARD_BYTES_MAX } from './parse-card.ts'

/** A list of some megabytes over a slow line. */
const FETCH_MS = 30_000
/** From a repository's address to the file there are two. */
const REDIRECTS_MAX = 3

export interface FetchRequest {
  readonly url: string
  /** Of the version that is known. */
  readonly etag?: string
  /** Operators may serve cards on the machine itself, over http. */
  readonly allowLoopback: boolean
  readonly signal?: AbortSignal
}

export type Fetched =
  | { readonly unchanged: true; readonly etag: string | null }
  | { readonly unchanged: false; readonly text: string; readonly etag: string | null }

const anyAddress: Resolve = (host) => lookup(host, { all: true })

/**
 * Gets a card from a server of the internet, over https. Redirects go only there too.
 *
 * @throws {SettlementError} HANSE_RATE_CARD_ADDRESS, HANSE_RATE_CARD_UNREACHABLE, HANSE_RATE_CARD_INVALID when it is too large
 */
export async function fetchCard(
  { url, etag, allowLoopback, signal }: FetchRequest,
  resolve: Resolve = anyAddress,
): Promise<Fetched> {
  const timeout = AbortSignal.timeout(FETCH_MS)
  const until = signal === undefined ? timeout : AbortSignal.any([timeout, signal])
  let at = checked(url, allowLoopback)
  for (let hops = 0; hops <= REDIRECTS_MAX; hops++) {
    const response = await get(at, etag, until, resolve)
    const { statusCode = 0, headers } = response
    if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
      response.destroy()
      at = checked(headers.location, false, at)
      continue
    }
    const tag = headers.etag ?? null
    if (statusCode === 304 && etag !== undefined) {
      response.destroy()
      return { unchanged: true, etag: tag ?? etag }
    }
    if (statusCode !== 200) {
      response.destroy()
      throw unreachable(`${at.host} answers with ${statusCode}`)
    }
    return { unchanged: false, text: await textOf(response), etag: tag }
  }
  throw unreachable(`${at.host} redirects too often`)
}

/** Names are looked at when they are resolved. */
function checked(text: string, allowLoopback: boolean, base?: URL): URL {
  const url = URL.parse(text, base?.href)
  if (url === null) throw address('that is not an address')
  const host = url.hostname.replace(/^\[|\]$/gu, '')
  const isLocal = host === 'localhost' || reachOf(host) === 'loopback'
  if (allowLoopback && url.protocol === 'http:' && isLocal) return url
  const isPrivate = isIP(host) !== 0 && reachOf(host) !== 'public'
  if (url.protocol !== 'https:' || isPrivate) {
    throw address(`${url.origin} is not https, or is private`)
  }
  if (url.username !== '' || url.password !== '')
    throw address('an address with a password is kept nowhere')
  return url
}

function get(
  url: URL,
  etag: string | undefined,
  signal: AbortSignal,
  resolve: Resolve,
): Promise<IncomingMessage> {
  const headers = {
    accept: 'application/json',
    'accept-encoding': 'identity',
    'user-agent': 'hanse-settlement',
    ...(etag !== undefined && { 'if-none-match': etag }),
  }
  const refusal = (host: string) => address(`${host} is on a private network`)
  return new Promise((done, fail) => {
    const send = url.protocol === 'https:' ? requestHttps : requestHttp
    const guard = url.protocol === 'https:' ? { lookup: publicLookup(resolve, refusal) } : {}
    const request = send(url, { headers, signal, agent: false, ...guard }, done)
    request.on('error', (cause) => fail(toFault(cause, url)))
    request.end()
  })
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > CARD_BYTES_MAX) {
        throw new SettlementError('HANSE_RATE_CARD_INVALID', 'the file is too large')
      }
      chunks.push(chunk)
    }
  } catch (cause) {
    if (cause instanceof SettlementError) throw cause
    throw unreachable('the answer was cut off', cause)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const toFault = (cause: unknown, { host }: URL) =>
  cause instanceof SettlementError ? cause : unreachable(`${host} does not answer`, cause)
const address = (message: string) => new SettlementError('HANSE_RATE_CARD_ADDRESS', message)
const unreachable = (message: string, cause?: unknown) =>
  new SettlementError('HANSE_RATE_CARD_UNREACHABLE', message, cause === undefined ? {} : { cause })
