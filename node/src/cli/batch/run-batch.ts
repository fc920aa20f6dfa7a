import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { ERRORS, type ErrorCode, HanseError, type PicoEuro } from '@hanse/protocol'
import { askGateway, type GatewayAccess } from '../gateway-client.ts'
import type { BatchRequest } from './batch-file.ts'
import type { BatchResult, ResultsFile } from './results-file.ts'
import type { Tally } from './tally.ts'

export interface RunBatchOptions {
  readonly access: GatewayAccess
  readonly concurrency: number
  /** Attempts of one request, the first included. */
  readonly attempts: number
  /** No more requests are sent once this is spent, pico-euro. */
  readonly maxCost: PicoEuro | undefined
  readonly headers: Readonly<Record<string, string>>
  /** Aborted to send nothing more; what runs is finished. */
  readonly stop: AbortSignal
  /** Aborted to cancel what runs, too. */
  readonly cancel: AbortSignal
  readonly onProgress: () => void
}

/** How a run came to its end; a fault that would meet every other request as well. */
export type BatchEnd = 'finished' | 'stopped' | 'spent' | HanseError

/** First wait before another attempt, ms; doubled with each, and never shorter than the gateway asks for. */
const RETRY_MS = 500
const RETRY_MS_MAX = 60_000

/** What is wrong with all requests alike: the run ends, and none of them counts as failed. */
const ENDING: ReadonlySet<ErrorCode> = new Set([
  'HANSE_GATEWAY_UNREACHABLE',
  'HANSE_UNAUTHENTICATED',
  'HANSE_FORBIDDEN',
  'HANSE_KEY_EXPIRED',
  'HANSE_BUDGET_EXHAUSTED',
  'HANSE_CONSENT_REQUIRED',
])

/** Sends what is not answered yet, so many at once, and writes down each result as it comes. */
export async function runBatch(
  requests: AsyncGenerator<BatchRequest>,
  results: ResultsFile,
  tally: Tally,
  options: RunBatchOptions,
): Promise<BatchEnd> {
  const run = new BatchRun(requests, results, tally, options)
  try {
    await Promise.all(Array.from({ length: options.concurrency }, async () => await run.work()))
  } finally {
    await requests.return(undefined)
  }
  return run.end
}

class BatchRun {
  readonly #requests: AsyncGenerator<BatchRequest>
  readonly #results: ResultsFile
  readonly #tally: Tally
  readonly #options: RunBatchOptions
  end: BatchEnd = 'finished'

  constructor(
    requests: AsyncGenerator<BatchRequest>,
    results: ResultsFile,
    tally: Tally,
    options: RunBatchOptions,
  ) {
    this.#requests = requests
    this.#results = results
    this.#tally = tally
    this.#options = options
  }

  /** One request after the other, until there is none, or the run is to end. */
  async work(): Promise<void> {
    for (;;) {
      const request = await this.#next()
      if (request === undefined) return
      const outcome = await this.#ask(request)
      if (outcome === 'stopped') {
        this.end = 'stopped'
        return
      }
      if (outcome instanceof HanseError) await this.#fail(request, outcome)
      else {
        await this.#write(request, { response: outcome, error: null })
        this.#tally.answered(outcome.body)
      }
      this.#options.onProgress()
    }
  }

  async #next(): Promise<BatchRequest | undefined> {
    const { maxCost, stop } = this.#options
    for (;;) {
      if (this.end !== 'finished') return undefined
      const next = await this.#requests.next()
      if (next.done === true) return undefined
      if (this.#results.done.has(next.value.id)) continue
      if (stop.aborted) this.end = 'stopped'
      else if (maxCost !== undefined && this.#tally.cost >= maxCost) this.end = 'spent'
      else return next.value
    }
  }

  async #fail(request: BatchRequest, fault: HanseError): Promise<void> {
    if (ENDING.has(fault.code)) {
      this.end = fault
      return
    }
    const { code, message } = fault
    await this.#write(request, { response: null, error: { code, message } })
    this.#tally.fail(fault)
  }

  async #write(
    { id, line }: BatchRequest,
    result: Pick<BatchResult, 'response' | 'error'>,
  ): Promise<void> {
    await this.#results.add(line, { custom_id: id, ...result })
  }

  async #ask(
    request: BatchRequest,
  ): Promise<NonNullable<BatchResult['response']> | HanseError | 'stopped'> {
    const { access, attempts, headers, stop, cancel } = this.#options
    const body = JSON.stringify(request.body)
    const key = idempotencyKey(this.#results.batch, request.id, body)
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await askGateway(access, request.path, {
          method: 'POST',
          headers: { ...headers, 'idempotency-key': key },
          body,
          signal: cancel,
        })
        return {
          status_code: response.status,
          request_id: response.headers.get('x-request-id') ?? '',
          body: await response.json(),
        }
      } catch (error) {
        if (cancel.aborted) return 'stopped'
        const fault = faultOf(error)
        if (attempt >= attempts || !ERRORS[fault.code].retry) return fault
        const backoff = Math.min(RETRY_MS * 2 ** (attempt - 1), RETRY_MS_MAX)
        const waitMs = Math.max(backoff, fault.retryAfterMs ?? 0)
        await delay(waitMs, undefined, { signal: stop }).catch(() => {})
        if (stop.aborted) return 'stopped'
      }
    }
  }
}

/**
 * Who tries again gets the answer that was paid for, if there is one: after a cut connection, and in the next run after a
 * kill. A batch that begins anew is another one.
 */
function idempotencyKey(batch: string, id: string, body: string): string {
  const hash = createHash('sha256').update(id).update('\0').update(body).digest('base64url')
  return `run-${batch}-${hash}`
}

function faultOf(error: unknown): HanseError {
  if (error instanceof HanseError) return error
  return new HanseError('HANSE_SESSION_CUT', 'the gateway cut the answer', { cause: error })
}
