import { lookup } from 'node:dns/promises'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import * as oidc from 'openid-client'
import { SettlementError } from '../errors.ts'
import { reachOf } from '../outbound/address-rules.ts'
import { publicLookup } from '../outbound/public-lookup.ts'

export const isLoopbackHost = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/u.test(host)

/** An issuer that takes longer is down, for whoever waits for the page. */
const TIMEOUT_SECONDS = 10
/** Key sets and tokens are some kilobytes. */
const ANSWER_BYTES_MAX = 1024 * 1024

export interface IssuerAccess {
  readonly issuer: string
  readonly clientId: string
  readonly secret: string
  /** Only on an installation that is itself reached over loopback: elsewhere a tenant would reach into the machine. */
  readonly isLoopbackAllowed: boolean
}

/**
 * Whether an issuer may be asked at all: over https, or over http on loopback where that is allowed.
 *
 * @throws {SettlementError} HANSE_REQUEST_INVALID
 */
export function checkIssuer(issuer: string, isLoopbackAllowed: boolean): URL {
  const url = URL.parse(issuer)
  if (url !== null && url.search === '' && url.hash === '' && url.username === '') {
    if (isLoopbackHost(url.hostname) && isLoopbackAllowed) return url
    if (url.protocol === 'https:' && !isLoopbackHost(url.hostname)) return url
  }
  throw new SettlementError('HANSE_REQUEST_INVALID', 'issuer: an https address without a query')
}

/**
 * What an issuer says of itself, which must be that it is this issuer.
 *
 * @throws {SettlementError} HANSE_REQUEST_INVALID, HANSE_SSO_UNAVAILABLE
 */
export async function openIssuer(access: IssuerAccess): Promise<oidc.Configuration> {
  const url = checkIssuer(access.issuer, access.isLoopbackAllowed)
  const isLocal = isLoopbackHost(url.hostname)
  try {
    const found = await oidc.discovery(
      url,
      access.clientId,
      {},
      oidc.ClientSecretBasic(access.secret),
      {
        timeout: TIMEOUT_SECONDS,
        ...(!isLocal && { [oidc.customFetch]: publicFetch }),
        ...(isLocal && url.protocol === 'http:' && { execute: [oidc.allowInsecureRequests] }),
      },
    )
    if (found.serverMetadata().issuer === access.issuer) return found
  } catch (cause) {
    throw new SettlementError('HANSE_SSO_UNAVAILABLE', 'the issuer did not say who it is', {
      cause,
    })
  }
  throw new SettlementError('HANSE_SSO_UNAVAILABLE', 'the issuer says that it is another')
}

const resolve = (host: string) => lookup(host, { all: true })
const closed = () => new Error('not an address of the internet')

/** `fetch` that reaches the public internet alone: whoever names an issuer must not reach what is behind us. */
export function publicFetch(url: string, options: oidc.CustomFetchOptions): Promise<Response> {
  const { method, headers, body, signal } = options
  // An address that is written out is not looked up.
  const host = new URL(url).hostname.replaceAll(/^\[|\]$/gu, '')
  if (isIP(host) !== 0 && reachOf(host) !== 'public') return Promise.reject(closed())
  return new Promise((done, fail) => {
    const sent = httpsRequest(
      url,
      { method, headers, lookup: publicLookup(resolve, closed), ...(signal && { signal }) },
      (answer) => {
        const parts: Buffer[] = []
        let size = 0
        answer.on('data', (part: Buffer) => {
          size += part.byteLength
          if (size > ANSWER_BYTES_MAX)
            answer.destroy(new Error('a longer answer than any of these'))
          else parts.push(part)
        })
        answer.on('error', fail)
        answer.on('end', () => {
          const status = answer.statusCode ?? 502
          const type = answer.headers['content-type'] ?? ''
          const content = status === 204 || status === 304 ? null : Buffer.concat(parts)
          done(new Response(content, { status, headers: { 'content-type': type } }))
        })
      },
    )
    sent.on('error', fail)
    sent.end(textOf(body))
  })
}

/** The library sends forms, and nothing else that is longer than nothing. */
const textOf = (body: oidc.FetchBody): string | undefined =>
  typeof body === 'string' || body instanceof URLSearchParams ? body.toString() : undefined
