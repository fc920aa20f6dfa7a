import { createHash } from 'node:crypto'
import { invalidRequest, StripeFault } from './fault.ts'
import type { State, StoredAnswer } from './state.ts'

// docs.stripe.com/api/idempotent_requests, docs.stripe.com/api-v2-overview
const keptMs = { v1: 24 * 3_600_000, v2: 30 * 24 * 3_600_000 } as const
export const idempotencyKeyMax = 255

export interface KeyedRequest {
  readonly version: 'v1' | 'v2'
  readonly account: string
  readonly key: string
  readonly fingerprint: string
}

export function fingerprintOf(method: string, path: string, params: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify([method, path, sorted(params)]))
    .digest('hex')
}

/** Stripe's memory of keys. What is in flight is lost with the process, as the request is. */
export class IdempotencyStore {
  readonly #state: State
  readonly #inFlight = new Map<string, string>()

  constructor(state: State) {
    this.#state = state
  }

  /**
   * The stored answer, or undefined when the caller may run and then must call `end`.
   * @throws {StripeFault} when the key is in use, or was used with other parameters.
   */
  begin(request: KeyedRequest, nowMs: number): StoredAnswer | undefined {
    if (request.key.length > idempotencyKeyMax) {
      throw invalidRequest(`An idempotency key has at most ${idempotencyKeyMax} characters.`)
    }
    this.#forget(request.version, nowMs)
    const id = idOf(request)
    const stored = this.#answers(request.version).get(id)
    const known = stored?.fingerprint ?? this.#inFlight.get(id)
    if (known !== undefined && known !== request.fingerprint) {
      throw new StripeFault(
        400,
        'idempotency_error',
        'Keys for idempotent requests can only be used with the same parameters they were first used with.',
      )
    }
    if (stored !== undefined) return stored
    if (this.#inFlight.has(id)) {
      throw new StripeFault(
        409,
        'idempotency_error',
        'There is currently another in-progress request using this idempotency key.',
        { code: 'idempotency_key_in_use' },
      )
    }
    this.#inFlight.set(id, request.fingerprint)
    return undefined
  }

  store(request: KeyedRequest, status: number, body: string, nowMs: number): void {
    // A failed v2 request runs again under its key; v1 repeats the failure.
    if (request.version === 'v2' && status >= 400) return
    const { fingerprint } = request
    this.#answers(request.version).set(idOf(request), {
      fingerprint,
      status,
      body,
      storedAtMs: nowMs,
    })
  }

  end(request: KeyedRequest): void {
    this.#inFlight.delete(idOf(request))
  }

  #answers(version: KeyedRequest['version']): Map<string, StoredAnswer> {
    return version === 'v1' ? this.#state.answersV1 : this.#state.answersV2
  }

  #forget(version: KeyedRequest['version'], nowMs: number): void {
    const answers = this.#answers(version)
    // Oldest first: the first that is still kept ends the search.
    for (const [id, answer] of answers) {
      if (nowMs - answer.storedAtMs < keptMs[version]) break
      answers.delete(id)
    }
  }
}

function idOf({ account, key }: KeyedRequest): string {
  return `${account} ${key}`
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.map(([key, part]) => [key, sorted(part)])
}
