import { setTimeout as delay } from 'node:timers/promises'
import {
  type ErrorCode,
  keysOf,
  type Named,
  type Offer,
  offerKey,
  type SignedRecord,
} from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import { findTwin, type Network } from '../network/index.ts'
import { encodeOfferValue } from '../network/offer-records.ts'
import { addressesOnOffer, type OfferBook, RENEW_MS } from './offer-book.ts'
import type { LiveOffer } from './status.ts'

export interface MarketPresenceOptions {
  readonly network: Network
  /** Of the market, as it is signed. */
  readonly networkName: string
  readonly book: OfferBook
  /** Whether orders are taken now; the offer is withdrawn while they are not. */
  readonly isOpen: () => boolean
  readonly log: FastifyBaseLogger
  readonly now: () => number
  readonly onLive?: ((live: LiveOffer) => void) | undefined
}

/** Telling twenty peers takes a third of a second; with an empty routing table a query would wait for ever. */
const ANNOUNCE_MS = 15_000
/** How soon announcing is tried again while no peer of the DHT is there. */
const ANNOUNCE_RETRY_MS = 2_000
/** Prices and slots may change many times a second; the market is told no more often than this. */
const ANNOUNCE_GAP_MS = 2_000
/** How often it is looked whether the way to this node has changed: a relay was lost or found, the network came back. */
const WATCH_MS = 1_000
/** A look for another daemon with this identity holds up a renewal no longer than this. */
const TWIN_MS = 5_000
/** A daemon that stops does not wait for the DHT longer than this; its records expire by themselves. */
const LEAVE_MS = 5_000

/** Keeps the offer in the DHT while orders are taken, and takes it out when they are not. */
export class MarketPresence implements AsyncDisposable {
  readonly #options: MarketPresenceOptions
  readonly #stopping = new AbortController()
  #changed = Promise.withResolvers<void>()
  #live: LiveOffer | undefined
  /** The way to this node that the market was told. */
  #told = ''
  readonly #startedAt: number
  #lookedForTwin: number
  #running: Promise<void> | undefined

  constructor(options: MarketPresenceOptions) {
    this.#options = options
    this.#startedAt = options.now()
    this.#lookedForTwin = this.#startedAt
  }

  /** What the market was last told; `undefined` while this node is not on it. */
  get live(): LiveOffer | undefined {
    return this.#live
  }

  start(): void {
    this.#running ??= this.#stay()
  }

  /** The offer, or whether orders are taken, is no longer what was announced. */
  changed(): void {
    this.#changed.resolve()
  }

  /** Leaves the market for good. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#running
    await this.#withdraw(AbortSignal.timeout(LEAVE_MS))
  }

  async #stay(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      this.#changed = Promise.withResolvers()
      const changed = this.#changed.promise
      const wanted = this.#options.isOpen()
      const done = wanted ? await this.#announce() : await this.#withdraw(signal)
      const until = this.#options.now() + (done ? RENEW_MS : ANNOUNCE_RETRY_MS)
      await this.#pause(ANNOUNCE_GAP_MS)
      // An offer that is withdrawn needs no renewal.
      while (!signal.aborted && (!wanted || this.#options.now() < until)) {
        const isTold = await Promise.race([changed.then(() => true), this.#pause(WATCH_MS)])
        if (isTold === true || (wanted && this.#way() !== this.#told)) break
      }
    }
  }

  /** Where this node can be dialed, and whether anybody is there to be told. */
  #way(addresses: readonly string[] = addressesOnOffer(this.#options.network)): string {
    return `${this.#options.network.connectionCount > 0} ${addresses.join(' ')}`
  }

  async #announce(): Promise<boolean> {
    const { network, book, log, now, onLive } = this.#options
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(ANNOUNCE_MS)])
    try {
      await network.whenConnected(signal)
      await this.#lookForTwin(signal)
      const offer = book.current()
      await Promise.all(keysOf(offer.value).map((key) => network.provide(key, { signal })))
      const peersTold = await this.#put(offer, signal)
      this.#live = { cid: offer.cid.toString(), at: now(), peersTold }
      // As the offer says it: one that is seconds old may name an address that is gone.
      this.#told = this.#way(offer.value.addresses)
      log.info({ peersTold, offer: this.#live.cid }, 'on the market')
      onLive?.(this.#live)
      return true
    } catch (error) {
      this.#told = this.#way()
      if (!this.#stopping.signal.aborted)
        log.warn({ cause: messageOf(error) }, 'could not announce the offer yet')
      return false
    }
  }

  /** Before the own offer is told again: it would hide what somebody else has told since. */
  async #lookForTwin(signal: AbortSignal): Promise<void> {
    const { network, networkName, book, log, now } = this.#options
    if (now() < this.#lookedForTwin + RENEW_MS) return
    this.#lookedForTwin = now()
    try {
      const twin = await findTwin({
        network,
        context: { network: networkName },
        startedAt: this.#startedAt,
        isOwn: (cid) => book.find(cid) !== undefined,
        now,
        signal: AbortSignal.any([signal, AbortSignal.timeout(TWIN_MS)]),
      })
      if (twin === undefined) return
      log.warn(
        { code: 'HANSE_IDENTITY_TWIN' satisfies ErrorCode, addresses: twin.addresses },
        'another daemon signs with this identity',
      )
    } catch {
      // Nobody to ask, or what was found is no offer: nothing is known, and the next renewal looks again.
    }
  }

  /** Replaces the offer by one that expires at once, and stops listing this node. */
  async #withdraw(signal: AbortSignal): Promise<boolean> {
    const { network, book, log } = this.#options
    if (this.#live === undefined) return true
    this.#live = undefined
    try {
      const last = book.withdraw()
      for (const key of keysOf(last.value)) await network.cancelProvide(key)
      if (network.connectionCount > 0) await this.#put(last, signal)
      log.info('off the market')
    } catch (error) {
      log.warn(
        { cause: messageOf(error) },
        'the offer could not be withdrawn; it expires by itself',
      )
    }
    return true
  }

  async #put(offer: Named<Offer> & SignedRecord, signal: AbortSignal): Promise<number> {
    const key = offerKey(offer.value.provider)
    return await this.#options.network.putValue(key, encodeOfferValue(offer), { signal })
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => {})
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
