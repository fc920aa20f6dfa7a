export interface RateTerms {
  readonly requestsPerMinute: number | null
  readonly tokensPerMinute: number | null
  /** Requests that run at once. */
  readonly parallel: number | null
}

export interface RateRefusal {
  /** What there is too much of, in words. */
  readonly what: string
  readonly retryAfterMs: number
}

const MINUTE_MS = 60_000
/** Nobody knows when a request that runs will end; clients ask again this soon. */
const PARALLEL_RETRY_MS = 1_000

/**
 * What may be taken in a minute. It fills steadily, so what was not used a minute ago is there at once, and then no more
 * than the rate: at any time a client may take at most twice the number within one minute.
 */
export class Bucket {
  readonly perMinute: number
  #level: number
  #at: number

  constructor(perMinute: number, now: number) {
    this.perMinute = perMinute
    this.#level = perMinute
    this.#at = now
  }

  /** Below zero when more was used than was expected. */
  level(now: number): number {
    // A clock that was set back fills nothing, and takes nothing away.
    const passed = Math.max(0, now - this.#at)
    this.#level = Math.min(this.perMinute, this.#level + (passed * this.perMinute) / MINUTE_MS)
    this.#at = now
    return this.#level
  }

  /** @param amount below zero gives back */
  take(amount: number, now: number): void {
    this.#level = Math.min(this.perMinute, this.level(now) - amount)
  }

  /** Until so much is there, ms. */
  wait(amount: number, now: number): number {
    const missing = Math.min(amount, this.perMinute) - this.level(now)
    return missing <= 0 ? 0 : Math.ceil((missing * MINUTE_MS) / this.perMinute)
  }
}

/** The rates of one key. */
export class RateLimit {
  #terms: RateTerms
  #requests: Bucket | undefined
  #tokens: Bucket | undefined
  #running = 0

  constructor(terms: RateTerms, now: number) {
    this.#terms = terms
    this.#requests = bucketOf(terms.requestsPerMinute, now)
    this.#tokens = bucketOf(terms.tokensPerMinute, now)
  }

  /** From now on other rates count. */
  change(terms: RateTerms, now: number): void {
    const { requestsPerMinute, tokensPerMinute } = this.#terms
    if (terms.requestsPerMinute !== requestsPerMinute)
      this.#requests = bucketOf(terms.requestsPerMinute, now)
    if (terms.tokensPerMinute !== tokensPerMinute)
      this.#tokens = bucketOf(terms.tokensPerMinute, now)
    this.#terms = terms
  }

  /**
   * Lets a request in, and takes what it may use; or says why not, and takes nothing.
   *
   * @param tokens what the request may use, at a guess; what the minute does not hold at all counts as the whole minute
   */
  enter(tokens: number, now: number): RateRefusal | undefined {
    const { parallel, requestsPerMinute, tokensPerMinute } = this.#terms
    if (parallel !== null && this.#running >= parallel)
      return { what: `${parallel} requests at once`, retryAfterMs: PARALLEL_RETRY_MS }
    const forRequest = this.#requests?.wait(1, now) ?? 0
    if (forRequest > 0)
      return { what: `${requestsPerMinute} requests a minute`, retryAfterMs: forRequest }
    const forTokens = this.#tokens?.wait(tokens, now) ?? 0
    if (forTokens > 0)
      return { what: `${tokensPerMinute} tokens a minute`, retryAfterMs: forTokens }
    this.#running++
    this.#requests?.take(1, now)
    this.#tokens?.take(tokens, now)
    return undefined
  }

  /** A request that was let in has ended. @param guessed what was taken for it @param used what it did use */
  leave(guessed: number, used: number, now: number): void {
    this.#running--
    this.#tokens?.take(used - guessed, now)
  }

  /** As OpenAI's clients read them. */
  headers(now: number): Record<string, string> {
    return {
      ...headersOf('requests', this.#requests, now),
      ...headersOf('tokens', this.#tokens, now),
    }
  }
}

function bucketOf(perMinute: number | null, now: number): Bucket | undefined {
  return perMinute === null ? undefined : new Bucket(perMinute, now)
}

function headersOf(name: string, bucket: Bucket | undefined, now: number): Record<string, string> {
  if (bucket === undefined) return {}
  return {
    [`x-ratelimit-limit-${name}`]: String(bucket.perMinute),
    [`x-ratelimit-remaining-${name}`]: String(Math.max(0, Math.floor(bucket.level(now)))),
    [`x-ratelimit-reset-${name}`]: durationText(bucket.wait(bucket.perMinute, now)),
  }
}

/** `20ms`, `1s`, `6m0s`: as OpenAI writes them. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${ms}ms`
  const seconds = Math.ceil(ms / 1_000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}
