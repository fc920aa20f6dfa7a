import { setTimeout as sleep } from 'node:timers/promises'
import { type FetchedOffer, loadOrCreateIdentity, OfferDirectory } from '@hanse/node'
import { MISBEHAVIOURS } from './misbehaviour.ts'
import { pick, type Random } from './random.ts'
import { NETWORK, type SoakMarket } from './soak-market.ts'
import { keyFileOf, openPeer, Stranger } from './stranger.ts'

export interface StrangersOptions {
  readonly market: SoakMarket
  readonly random: Random
  readonly perSecond: number
  /** Peers that come back: what a node remembers of each must end with their number. */
  readonly identities: number
}

/** At once; each is a whole libp2p node. */
const RUNNING_MAX = 12
const OFFERS_EVERY_MS = 5_000

/** Peers that come, do one thing that is not right, and go. */
export class Strangers {
  /** By what was done: what came back, and how often. */
  readonly tally = new Map<string, Map<string, number>>()
  readonly #options: StrangersOptions
  readonly #running = new Set<Promise<void>>()
  #offers: readonly FetchedOffer[] = []

  constructor(options: StrangersOptions) {
    this.#options = options
  }

  /** Until the signal, then waits until all are gone. */
  async run(signal: AbortSignal): Promise<void> {
    const watching = this.#watchOffers(signal)
    const names = Object.keys(MISBEHAVIOURS)
    const { random, perSecond, identities } = this.#options
    const started = performance.now()
    for (let n = 1; !signal.aborted; n++) {
      const wait = started + (n * 1000) / perSecond - performance.now()
      if (wait > 0) await sleep(wait, undefined, { signal }).catch(() => {})
      if (signal.aborted || this.#offers.length === 0 || this.#running.size >= RUNNING_MAX) continue
      // In turn, so that in a short run each has its turn too.
      const name = names[n % names.length] ?? ''
      const visit = this.#visit(name, n % identities, pick(random, this.#offers)).finally(() =>
        this.#running.delete(visit),
      )
      this.#running.add(visit)
    }
    await Promise.all([...this.#running, watching])
  }

  async #visit(name: string, identity: number, offer: FetchedOffer): Promise<void> {
    const { market, random } = this.#options
    const tell = (what: string): void => this.#count(name, what)
    try {
      await using stranger = await Stranger.open({
        keyFile: keyFileOf(market.folder, identity),
        offer,
        random,
        tell,
      })
      // Into the DHT, like anybody.
      if (random() < 0.3) stranger.network.keepConnected([market.relayAddress])
      await MISBEHAVIOURS[name]?.(stranger)
      tell('done')
    } catch {
      // Paused providers, a relay that restarts, a limit that holds: a stranger takes what comes.
      tell('failed')
    }
  }

  /** As any node finds them. */
  async #watchOffers(signal: AbortSignal): Promise<void> {
    const key = await loadOrCreateIdentity(keyFileOf(this.#options.market.folder, 'watcher'))
    await using network = await openPeer(key)
    network.keepConnected([this.#options.market.relayAddress])
    const directory = new OfferDirectory({ network, context: { network: NETWORK }, now: Date.now })
    while (!signal.aborted) {
      const offers = await directory.browse()
      if (offers.length > 0) this.#offers = offers
      const ms = offers.length > 0 ? OFFERS_EVERY_MS : 200
      await sleep(ms, undefined, { signal }).catch(() => {})
    }
  }

  #count(name: string, what: string): void {
    const counts = this.tally.get(name) ?? new Map<string, number>()
    counts.set(what, (counts.get(what) ?? 0) + 1)
    this.tally.set(name, counts)
  }
}
