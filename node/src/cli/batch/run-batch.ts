import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { ERRORS, HanseError, type PicoEuro } from '@hanse/protocol'
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
  /** Aborted to send nothing more; what runs is cancelled. */
  readonly signal: AbortSignal
  readonly onProgress: () => void
}

/** First wait before another attempt, ms; doubled with each, and never shorter than the gateway asks for. */
const RETRY_MS = 500
const RETRY_MS_MAX = 60_000

/** Sends what is not answered yet, so many at once, and writes down each result as it comes. */
export async function runBatch(
  requests: readonly BatchRequest[],
  results: ResultsFile,
  tally: Tally,
  options: RunBatchOptions,
): Promise<'finished' | 'stopped' | 'spent'> {
  const { maxCost, signal } = options
  const waiting = requests.filter(({ id }) => !results.done.has(id)).values()
  const isSpent = () => maxCost !== undefined && tally.cost >= maxCost
  const worker = async (): Promise<void> => {
    for (const request of waiting) {
      if (signal.aborted || isSpent()) return
      const result = await ask(request, options)
      // Asked again when the batch goes on.
      if (result === undefined) return
      await results.add(result)
      if (result.response?.status_code === 200) tally.answered(result.response.body)
      else tally.fail()
      options.onProgress()
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, worker))
  if (signal.aborted) return 'stopped'
  return isSpent() && tally.done + tally.failed < tally.total ? 'spent' : 'finished'
}

async function ask(
  request: BatchRequest,
  { access, attempts, headers, signal }: RunBatchOptions,
): Promise<BatchResult | undefined> {
  const body = JSON.stringify(request.body)
  // Who tries again after a cut connection gets the answer that was paid for, if there is one.
  const key = createHash('sha256').update(request.id).update('\0').update(body).digest('hex')
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await askGateway(access, request.path, {
        method: 'POST',
        headers: { ...headers, 'idempotency-key': `batch-${key}` },
        body,
        signal,
      })
      return resultOf(request, {
        status_code: response.status,
        request_id: response.headers.get('x-request-id') ?? '',
        body: await response.json(),
      })
    } catch (error) {
      if (signal.aborted) return undefined
      const fault =
        error instanceof HanseError
          ? error
          : new HanseError('HANSE_SESSION_CUT', 'the gateway cut the answer', { cause: error })
      if (attempt >= attempts || !ERRORS[fault.code].retry) return failureOf(request, fault)
      const backoff = Math.min(RETRY_MS * 2 ** (attempt - 1), RETRY_MS_MAX)
      const waitMs = Math.max(backoff, fault.retryAfterMs ?? 0)
      await delay(waitMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return undefined
    }
  }
}

function resultOf(
  { id }: BatchRequest,
  response: NonNullable<BatchResult['response']>,
): BatchResult {
  return { id: `batch_req_${id}`, custom_id: id, response, error: null }
}

function failureOf({ id }: BatchRequest, { code, message }: HanseError): BatchResult {
  return { id: `batch_req_${id}`, custom_id: id, response: null, error: { code, message } }
}
