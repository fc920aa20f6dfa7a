import { HanseError } from '@hanse/protocol'

/** A secret for one host, and for no other. */
export interface HostToken {
  readonly origin: string
  readonly value: string
}

export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly token?: HostToken | undefined
  readonly signal?: AbortSignal | undefined
}

/** A hub sends one to its store of large files, which may send one to the nearest copy. */
const REDIRECTS_MAX = 5

/**
 * GET that follows redirects itself, so that a token goes to its own host only, nothing leaves http(s), and what began
 * encrypted stays so.
 */
export async function get(url: URL, { headers, token, signal }: GetOptions): Promise<Response> {
  let at = url
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    const response = await fetch(at, {
      redirect: 'manual',
      signal: signal ?? null,
      headers: {
        'user-agent': 'hanse',
        // Ranges and digests are those of the file as it is.
        'accept-encoding': 'identity',
        ...headers,
        ...(token !== undefined && token.origin === at.origin
          ? { authorization: `Bearer ${token.value}` }
          : {}),
      },
    })
    const location = response.headers.get('location')
    if (response.status < 300 || response.status > 399 || response.status === 304) return response
    await response.body?.cancel()
    if (location === null || !URL.canParse(location, at.href)) break
    const next = new URL(location, at)
    if (next.protocol !== 'https:' && next.protocol !== 'http:')
      throw downloadFault(`${at.host} sends us to ${next.protocol}, which is not followed`)
    if (at.protocol === 'https:' && next.protocol === 'http:')
      throw downloadFault(`${at.host} sends us from https to http, which is not followed`)
    at = next
  }
  throw downloadFault(`${url.host} sends us around in circles`)
}

/** Permanent: trying again at once would meet the same answer. */
export class PermanentFault extends HanseError {}

export function downloadFault(message: string, cause?: unknown): HanseError {
  return new PermanentFault('HANSE_MODEL_DOWNLOAD', message, { cause })
}

/** What a status that is no success means; `undefined` when another try may help. */
export function faultOfStatus(
  status: number,
  what: string,
  hasToken: boolean,
): HanseError | undefined {
  if (status === 401 || status === 403) {
    return new PermanentFault(
      'HANSE_MODEL_GATED',
      hasToken
        ? `${what}: access is refused (${status}); is the model’s licence accepted, and may the token read it?`
        : `${what}: access is refused (${status}); the model is gated, private, or does not exist`,
    )
  }
  if (status === 404 || status === 410) return downloadFault(`${what}: there is none (${status})`)
  if (status === 408 || status === 425 || status === 429 || status >= 500) return undefined
  return downloadFault(`${what}: the server answers ${status}`)
}

/** Milliseconds to wait as the server asks; `undefined` when it does not say. */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  if (/^\d{1,9}$/u.test(header.trim())) return Number(header) * 1000
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

/** Reads a JSON answer of at most `bytesMax`. */
export async function readJson(response: Response, bytesMax: number): Promise<unknown> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > bytesMax) throw downloadFault(`the answer is longer than ${bytesMax} bytes`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown
  } catch (cause) {
    throw downloadFault('the answer is no JSON', cause)
  }
}
