import { retryAfterMs } from './api-error.ts'

export interface RetryOptions {
  readonly fetch: typeof globalThis.fetch
  /** Of one request, the first included. */
  readonly attempts: number
  /** For one attempt. */
  readonly timeoutMs: number
  /** Rejects as soon as the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** From 0 to 1. */
  readonly random: () => number
}

/** Longer than this nobody waits unasked: the error says when to come back. */
const WAIT_MS_MAX = 30_000
const BACKOFF_MS = 250
/** Refused before anything was done, or by somebody in between. */
const PASSING = new Set([429, 502, 503, 504])

/**
 * Sends a request again where that does no harm and may help: what only reads, replaces or removes, and what has an idempotency
 * key. Waits as long as the service says, else longer each time, spread so that many clients do not come back at once.
 */
export function retryingFetch(options: RetryOptions): (request: Request) => Promise<Response> {
  const { attempts, timeoutMs, sleep, fetch } = options
  return async (request) => {
    for (let attempt = 1; ; attempt++) {
      const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)])
      const isLast = attempt >= attempts || !isRepeatable(request)
      const sent = isLast ? request : request.clone()
      let wait: number
      try {
        const response = await fetch(sent, { signal })
        wait = retryAfterMs(response) ?? backoff(attempt, options)
        if (isLast || !PASSING.has(response.status) || wait > WAIT_MS_MAX) return response
        await response.body?.cancel()
      } catch (error) {
        // Of a removal whose answer was lost the second would say that there is nothing there.
        if (isLast || request.signal.aborted || request.method === 'DELETE') throw error
        wait = backoff(attempt, options)
      }
      await sleep(wait, request.signal)
    }
  }
}

const REPEATABLE = new Set(['GET', 'HEAD', 'PUT', 'DELETE'])

const isRepeatable = ({ method, headers }: Request): boolean =>
  REPEATABLE.has(method) || headers.has('idempotency-key')

const backoff = (attempt: number, { random }: RetryOptions): number =>
  BACKOFF_MS * 2 ** (attempt - 1) * (0.5 + random() / 2)

/** With a timer, which an abort ends. */
export function sleepFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', aborted)
      resolve()
    }, ms)
    if (signal.aborted) aborted()
    else signal.addEventListener('abort', aborted, { once: true })
  })
}
