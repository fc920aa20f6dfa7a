import { setTimeout as delay } from 'node:timers/promises'
import type { RelayUse } from './libp2p-options.ts'
import type { Reachability, ReachabilityReport } from './reachability.ts'

export interface SelfReachOptions {
  readonly use: RelayUse
  readonly probe: (signal: AbortSignal) => Promise<ReachabilityReport>
  /** Resolves when a peer is connected. */
  readonly connected: (signal: AbortSignal) => Promise<void>
  /** Asks relays for a place from now on. */
  readonly listenOnRelays: () => Promise<void>
}

// Identification has told by then which peers can be asked.
const SETTLE_MS = 500
/** Again soon while nobody could be asked; after that no oftener than peers like to be asked; then now and then. */
const RETRY_MS = 5_000
const WORSE_MS = 60_000
const REPEAT_MS = 15 * 60_000

/** Keeps knowing how this node is reached, and looks for a relay once peers say that they cannot dial it. */
export class SelfReach {
  readonly #options: SelfReachOptions
  #last: Reachability = 'unknown'
  #listens = false
  #asked = false

  constructor(options: SelfReachOptions) {
    this.#options = options
    this.#listens = options.use === 'on'
  }

  get last(): Reachability {
    return this.#last
  }

  learn({ reachability, peers }: ReachabilityReport): void {
    this.#asked ||= peers.length > 0
    // Peers that would not dial this time do not undo what was heard before.
    if (reachability !== 'unknown') this.#last = reachability
  }

  /** Never rejects. */
  async watch(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      try {
        await this.#options.connected(stop)
        await delay(SETTLE_MS, undefined, { signal: stop, ref: false })
        this.learn(await this.#options.probe(stop))
        if (this.#last === 'unreachable' && this.#options.use === 'auto' && !this.#listens) {
          this.#listens = true
          await this.#options.listenOnRelays()
        }
      } catch {
        // Stopping, or nobody answered: the next round tries again.
      }
      await delay(this.#pause(), undefined, { signal: stop, ref: false }).catch(() => {})
    }
  }

  #pause(): number {
    if (!this.#asked) return RETRY_MS
    return this.#last === 'unknown' || this.#last === 'unreachable' ? WORSE_MS : REPEAT_MS
  }
}
