import { setTimeout as delay } from 'node:timers/promises'
import { HanseError, tilePath } from '@hanse/protocol'
import { bytesMaxOf, type LogSource, noCheckpoint, tooLarge } from './source.ts'

export interface UrlOptions {
  readonly fetch?: typeof globalThis.fetch
  /** For one resource, redirects and body included, ms. */
  readonly timeoutMs?: number
  readonly retryMs?: number
}

/** A full bundle of the longest entries is 16 MiB: at 1 MiB/s it arrives in time. */
const TIMEOUT_MS = 20_000
/** No burden to a server, and at 50 ms for an answer 240 resources a second. At most 192 MiB of the largest bundles. */
const FETCH_AHEAD = 12
const REDIRECTS_MAX = 3
/** A server that is overloaded is asked once more; an audit makes thousands of requests. */
const ATTEMPTS_MAX = 3
const RETRY_MS = 500
/** What storage services answer for a name that is not there. */
const ABSENT = new Set([403, 404, 410])

/**
 * A log that is served below an address: `URL/checkpoint`, `URL/tile/0/000`, …
 *
 * @throws {HanseError} HANSE_CONFIG_INVALID when it is no http(s) address
 */
export function urlSource(address: string, options: UrlOptions = {}): LogSource {
  const prefix = parsePrefix(address)
  const get = async (path: string) => fetchResource(`${prefix}/${path}`, path, options)
  return {
    name: prefix,
    tile: get,
    fetchAhead: FETCH_AHEAD,
    checkpoint: async () => {
      const bytes = await get('checkpoint')
      if (bytes === undefined) throw noCheckpoint(prefix)
      return bytes
    },
    // Those at either end; a log that has dropped its first entries still has its last.
    hasEntries: async (size) => {
      if (size === 0n) return false
      const last = (size - 1n) / 256n
      const paths = [0n, last].flatMap((index) => [
        tilePath('entries', index),
        tilePath('entries', index, index === last ? Number(((size - 1n) % 256n) + 1n) : 256),
      ])
      for (const path of new Set(paths)) if ((await get(path)) !== undefined) return true
      return false
    },
  }
}

/**
 * Gets a resource of at most as many bytes as its path allows, or `undefined` when it is not there.
 *
 * @param path decides the limit: `checkpoint`, or that of a tile
 * @throws {HanseError} HANSE_LOG_TILE_MISSING when it cannot be had, HANSE_LOG_TILE when it is too large
 */
export async function fetchResource(
  url: string,
  path: string,
  { fetch = globalThis.fetch, timeoutMs = TIMEOUT_MS, retryMs = RETRY_MS }: UrlOptions = {},
): Promise<Uint8Array | undefined> {
  for (let attempt = 1; ; attempt++) {
    const signal = AbortSignal.timeout(timeoutMs)
    let answer: Uint8Array | number
    try {
      const response = await follow(url, fetch, signal)
      answer = response.ok ? await readBody(response, path) : response.status
      if (!response.ok) await response.body?.cancel()
    } catch (cause) {
      if (cause instanceof HanseError) throw cause
      throw failed(url, reasonOf(cause, timeoutMs), cause)
    }
    if (typeof answer !== 'number') return answer
    if (ABSENT.has(answer)) return undefined
    const mayPass = answer === 429 || answer >= 500
    if (!mayPass || attempt === ATTEMPTS_MAX) throw failed(url, `the server answered ${answer}`)
    await delay(retryMs * attempt)
  }
}

/** Redirects are followed by hand: to http(s) only, and never from https to plain http. */
async function follow(
  url: string,
  fetch: typeof globalThis.fetch,
  signal: AbortSignal,
): Promise<Response> {
  let at = new URL(url)
  for (let redirects = 0; ; redirects++) {
    const response = await fetch(at.href, { redirect: 'manual', signal })
    const location = response.headers.get('location')
    if (response.status < 300 || response.status > 399 || location === null) return response
    await response.body?.cancel()
    if (redirects === REDIRECTS_MAX) throw failed(url, 'too many redirects')
    const next = URL.canParse(location, at.href) ? new URL(location, at) : undefined
    const isAllowed = next?.protocol === 'https:' || next?.protocol === at.protocol
    if (next === undefined || !isAllowed) throw failed(url, 'a redirect to another scheme')
    at = next
  }
}

async function readBody(response: Response, path: string): Promise<Uint8Array> {
  const max = bytesMaxOf(path)
  const chunks: Uint8Array[] = []
  let length = 0
  // Leaving the loop early cancels the rest of the body.
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength
    if (length > max) throw tooLarge(path)
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks, length))
}

function parsePrefix(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:'
  if (url === undefined || !isHttp || url.search !== '' || url.hash !== '') {
    throw new HanseError(
      'HANSE_CONFIG_INVALID',
      `${address} is not the address of a log, such as https://log.example/2026`,
    )
  }
  return url.href.replace(/\/+$/u, '')
}

function failed(url: string, why: string, cause?: unknown): HanseError {
  return new HanseError('HANSE_LOG_TILE_MISSING', `cannot fetch ${url}: ${why}`, { cause })
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`
  return error.cause instanceof Error ? error.cause.message : error.message
}
