import { lookup as systemLookup } from 'node:dns'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { type Reach, reachOf } from '../outbound/address-rules.ts'

export interface Outpost {
  /** Also private networks and this machine, where plain http is enough; for whoever runs the service for themselves. */
  readonly privateNetworks: boolean
  /** How names become addresses; the system's way when not given. */
  readonly lookup?: typeof systemLookup
  /** Certificate authorities besides those of Node, PEM. */
  readonly ca?: string
  readonly timeoutMs?: number
}

export interface Answer {
  readonly status: number
  readonly retryAfterMs: number | undefined
  /** The beginning, for errors that a service explains in a word. */
  readonly body: string
}

/** Why there was no answer. Its message names no address. */
export class PostError extends Error {
  override readonly name = 'PostError'
  /** It will be the same next time. */
  readonly isFinal: boolean

  constructor(message: string, isFinal = false) {
    super(message)
    this.isFinal = isFinal
  }
}

/** A receiver that needs longer should answer first and work then, says Standard Webhooks: 15 to 30 s. */
const TIMEOUT_MS = 15_000
/** More of an answer nobody reads. */
const ANSWER_BYTES_MAX = 4 * 1024
const URL_CHARS_MAX = 2_048
const HEADER_BYTES_MAX = 16 * 1024

/**
 * Sends JSON to an address that somebody else has chosen. The name is resolved once and the connection goes to the very
 * address that was looked at; redirects are answers like others.
 *
 * @throws {PostError} when there is no answer, or the address is none that may be reached
 */
export function post(
  address: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  outpost: Outpost,
): Promise<Answer> {
  const json = { 'content-type': 'application/json', ...headers }
  return send('POST', address, json, Buffer.from(body), outpost)
}

/** As `post`, for a file: a redirect is an answer like others. @throws {PostError} */
export function put(
  address: string,
  headers: Readonly<Record<string, string>>,
  file: Uint8Array,
  outpost: Outpost,
): Promise<Answer> {
  return send('PUT', address, headers, file, outpost)
}

async function send(
  method: 'POST' | 'PUT',
  address: string,
  headers: Readonly<Record<string, string>>,
  bytes: Uint8Array,
  outpost: Outpost,
): Promise<Answer> {
  const url = checkedUrl(address, outpost)
  const signal = AbortSignal.timeout(outpost.timeoutMs ?? TIMEOUT_MS)
  try {
    const response = await ask(method, url, headers, bytes, outpost, signal)
    const { statusCode = 0, headers: answered } = response
    return {
      status: statusCode,
      retryAfterMs: retryAfterOf(answered['retry-after']),
      body: await beginningOf(response),
    }
  } catch (error) {
    if (error instanceof PostError) throw error
    if (signal.aborted) throw new PostError('no answer in time')
    const { code } = error as NodeJS.ErrnoException
    throw new PostError(code === undefined ? 'no connection' : `no connection: ${code}`)
  }
}

/** @throws {PostError} when nothing may be sent there, as far as can be seen without resolving its name */
export function checkedUrl(address: string, { privateNetworks }: Outpost): URL {
  const url = address.length <= URL_CHARS_MAX ? URL.parse(address) : null
  if (url === null) throw new PostError('the address is no URL', true)
  if (url.username !== '' || url.password !== '') {
    throw new PostError('the address has a user in it', true)
  }
  const host = hostOf(url)
  if (isIP(host) !== 0) checkReach(reachOf(host), privateNetworks)
  if (url.protocol === 'https:') return url
  const isLocal = host === 'localhost' || reachOf(host) === 'loopback'
  if (url.protocol === 'http:' && privateNetworks && isLocal) return url
  throw new PostError('the address is not https', true)
}

const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/gu, '')

function checkReach(reach: Reach, privateNetworks: boolean): void {
  const isAllowed = reach === 'public' || (privateNetworks && reach !== 'forbidden')
  if (!isAllowed) throw new PostError(`the address is ${reach}`, true)
}

function ask(
  method: 'POST' | 'PUT',
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
  outpost: Outpost,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const open = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const request = open(
      url,
      {
        method,
        headers: {
          'content-length': body.length,
          'user-agent': 'hanse-settlement',
          ...headers,
        },
        lookup: pinned(outpost),
        // Nothing is left open to whoever is on the other side.
        agent: false,
        maxHeaderSize: HEADER_BYTES_MAX,
        signal,
        ...(outpost.ca !== undefined && { ca: outpost.ca }),
      },
      resolve,
    )
    request.on('error', reject)
    request.end(body)
  })
}

/** One answer of the resolver, all of it looked at: a name with one bad address has none. */
function pinned({ lookup = systemLookup, privateNetworks }: Outpost): LookupFunction {
  return (hostname, options, done) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return done(error, '', 0)
      try {
        for (const { address } of addresses) checkReach(reachOf(address), privateNetworks)
      } catch (refusal) {
        return done(refusal as Error, '', 0)
      }
      const [first] = addresses
      if (options.all === true) return done(null, addresses)
      return done(null, first?.address ?? '', first?.family ?? 0)
    })
  }
}

async function beginningOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    chunks.push(chunk as Buffer)
    size += (chunk as Buffer).length
    if (size >= ANSWER_BYTES_MAX) break
  }
  return Buffer.concat(chunks).subarray(0, ANSWER_BYTES_MAX).toString('utf8')
}

/** Seconds; a date is taken for none, for clocks differ. */
function retryAfterOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,9}$/u.test(header) ? Number(header) * 1_000 : undefined
}
