import createFetchClient from 'openapi-fetch'
import { type ApiError, errorOf, unreachable } from './api-error.ts'
import type { Call, HttpMethod, Pages, Rows } from './calls.ts'
import { type RetryOptions, retryingFetch, sleepFor } from './retrying-fetch.ts'
import { KEYED, PAGES } from './routes.ts'
import type { paths } from './schema.ts'

export interface ClientOptions extends Partial<RetryOptions> {
  /** Where the service is, such as `https://settlement.example`. */
  readonly baseUrl: string
  /** An organization's API key, or the token of an operator or a directory. */
  readonly apiKey?: string
  /** Instead of a key, in a browser: the cookie of the person who is signed in goes with each request. */
  readonly session?: boolean
  /** Which organization a person acts in, where they are in several. */
  readonly organization?: string
  /**
   * Asked when the service has refused a request: with true it is sent once more, under the same idempotency key. In a
   * browser, whoever is signed in may show once more who they are meanwhile.
   */
  readonly onRefused?: (error: ApiError, method: HttpMethod) => Promise<boolean>
}

/**
 * The API of a settlement service. Every method answers what the route does, and rejects with an `ApiError` where it refuses
 * or cannot be asked.
 */
export interface Client {
  readonly get: Call<'get'>
  readonly post: Call<'post'>
  readonly put: Call<'put'>
  readonly patch: Call<'patch'>
  readonly delete: Call<'delete'>
  /** A list, page by page. */
  readonly pages: Pages
  /** A list, row by row, over all of its pages. */
  readonly each: Rows
}

const ATTEMPTS = 4
/** As long as the service itself lets a request take. */
const TIMEOUT_MS = 30_000

/** As `openapi-fetch` takes it; the types of the calls say what goes in. */
interface LooseInit {
  readonly params?: { readonly query?: object }
  readonly headers?: ConstructorParameters<typeof Headers>[0]
}
type LooseRequest = (method: HttpMethod, path: string, init: object) => Promise<LooseResult>
interface LooseResult {
  readonly data?: unknown
  readonly error?: unknown
  readonly response: Response
}

export function createClient({
  baseUrl,
  apiKey,
  session,
  organization,
  onRefused,
  ...options
}: ClientOptions): Client {
  const retry: RetryOptions = {
    fetch: (...args) => globalThis.fetch(...args),
    attempts: ATTEMPTS,
    timeoutMs: TIMEOUT_MS,
    sleep: sleepFor,
    random: Math.random,
    ...options,
  }
  const api = createFetchClient<paths>({
    baseUrl,
    fetch: retryingFetch(retry),
    redirect: 'error',
    credentials: session === true ? 'include' : 'omit',
    bodySerializer,
    headers: {
      ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
      ...(organization !== undefined && { 'hanse-organization': organization }),
    },
  })
  const request = api.request as unknown as LooseRequest

  const send = async (method: HttpMethod, path: string, init: LooseInit = {}): Promise<unknown> => {
    const given = keyed(method, path, init)
    for (let isAgain = false; ; isAgain = true) {
      const { data, response, error } = await request(method, path, given).catch(
        (cause: unknown) => {
          throw isAborted(init) ? cause : unreachable(baseUrl, cause)
        },
      )
      if (response.ok) return data
      const fault = errorOf(response, error)
      if (isAgain || (await onRefused?.(fault, method)) !== true) throw fault
    }
  }
  const pages = (path: keyof typeof PAGES, init?: LooseInit) =>
    pagesOf((given) => send('get', path, given), PAGES[path][0], init)
  const each = async function* (path: keyof typeof PAGES, init?: LooseInit) {
    for await (const page of pages(path, init)) yield* page[PAGES[path][1]] as unknown[]
  }
  const call = (method: HttpMethod) => (path: string, init?: LooseInit) => send(method, path, init)
  return {
    get: call('get'),
    post: call('post'),
    put: call('put'),
    patch: call('patch'),
    delete: call('delete'),
    pages,
    each,
  } as unknown as Client
}

/** A key for what moves money, where the caller has none of their own: tries of one call are then one request. */
function keyed(method: HttpMethod, path: string, init: LooseInit): object {
  if (!KEYED.has(`${method.toUpperCase()} ${path}`)) return init
  const headers = new Headers(init.headers)
  if (!headers.has('idempotency-key')) headers.set('idempotency-key', crypto.randomUUID())
  return { ...init, headers }
}

async function* pagesOf(
  get: (init: LooseInit) => Promise<unknown>,
  cursor: string,
  init: LooseInit = {},
): AsyncGenerator<Record<string, unknown>, void, undefined> {
  let query = { ...init.params?.query }
  for (;;) {
    const page = (await get({ ...init, params: { ...init.params, query } })) as Record<
      string,
      unknown
    >
    yield page
    const { next } = page
    if (typeof next !== 'string') return
    query = { ...query, [cursor]: next }
  }
}

/** Files go as they are: their senders say which type they have. */
function bodySerializer(body: unknown): string | Uint8Array | Blob {
  if (typeof body === 'string' || body instanceof Uint8Array || body instanceof Blob) return body
  return JSON.stringify(body)
}

const isAborted = (init: { readonly signal?: AbortSignal } & LooseInit): boolean =>
  init.signal?.aborted === true
