export interface BucketOptions {
  /** Tokens that come back each second. */
  readonly perSecond: number
  /** Tokens of a full bucket. */
  readonly burst: number
  /** Buckets kept; the one that was used longest ago is forgotten first, which at worst refills it early. */
  readonly keysMax: number
  readonly now: () => number
}

/** How often something may happen, for each key on its own. Never waits: whoever is over gets a no. */
export class TokenBuckets {
  readonly #options: BucketOptions
  /** In the order of use, as a Map keeps it. */
  readonly #buckets = new Map<string, { tokens: number; at: number }>()

  constructor(options: BucketOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#buckets.size
  }

  /** Takes a token of `key` if there is one. */
  take(key: string): boolean {
    const { perSecond, burst, keysMax, now } = this.#options
    const at = now()
    const known = this.#buckets.get(key)
    // A clock that was set back must not drain a bucket.
    const elapsedMs = known === undefined ? 0 : Math.max(0, at - known.at)
    const tokens =
      known === undefined ? burst : Math.min(burst, known.tokens + (elapsedMs / 1000) * perSecond)
    const allowed = tokens >= 1
    this.#buckets.delete(key)
    this.#buckets.set(key, { tokens: allowed ? tokens - 1 : tokens, at })
    if (this.#buckets.size > keysMax) this.#forgetOldest()
    return allowed
  }

  #forgetOldest(): void {
    const oldest = this.#buckets.keys().next()
    if (oldest.done !== true) this.#buckets.delete(oldest.value)
  }
}
