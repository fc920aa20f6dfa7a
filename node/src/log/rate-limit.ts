/** What one client may do at once, and then per second. */
export interface Rate {
  readonly burst: number
  readonly perSecond: number
}

/** Clients remembered; those that are not may do a burst. */
const CLIENTS_MAX = 10_000

/** A bucket of tokens for each client. */
export class RateLimit {
  readonly #rate: Rate
  readonly #now: () => number
  readonly #buckets = new Map<string, { tokens: number; at: number }>()

  constructor(rate: Rate, now: () => number) {
    this.#rate = rate
    this.#now = now
  }

  /** @returns whether the client may go on; if so, it has one fewer */
  take(client: string): boolean {
    const now = this.#now()
    const { burst, perSecond } = this.#rate
    const last = this.#buckets.get(client) ?? { tokens: burst, at: now }
    const tokens = Math.min(burst, last.tokens + (Math.max(0, now - last.at) / 1000) * perSecond)
    const isAllowed = tokens >= 1
    // Put at the end again: the one unused for longest is forgotten first.
    this.#buckets.delete(client)
    this.#buckets.set(client, { tokens: isAllowed ? tokens - 1 : tokens, at: now })
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= CLIENTS_MAX) break
      this.#buckets.delete(oldest)
    }
    return isAllowed
  }
}
