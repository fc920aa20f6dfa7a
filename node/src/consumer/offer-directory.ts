import {
  attestationSigners,
  browseKey,
  decodeCanonical,
  HanseError,
  type KnownOffer,
  modelKey,
  type Named,
  OFFER_PROTOCOL,
  type Offer,
  offer,
  offerKey,
  offerSigners,
  openSigned,
  type RegionAttestation,
  regionAttestation,
  type SignedRecord,
  type SigningContext,
  signedRecordSchema,
} from '@hanse/protocol'
import type { CID } from 'multiformats/cid'
import { z } from 'zod'
import type { Network } from '../network/index.ts'
import { openOfferValue } from '../network/offer-records.ts'
import { type UnreachedReason, whyUnreached } from '../network/why-unreached.ts'

/** An offer as its provider gave it, with the attestations it cites. */
export interface FetchedOffer extends KnownOffer {
  readonly signed: Named<Offer> & SignedRecord
  readonly signedAttestations: readonly SignedRecord[]
  readonly addresses: readonly string[]
  readonly fetchedAt: number
}

export interface OfferDirectoryOptions {
  readonly network: Pick<Network, 'findProviders' | 'getValue' | 'knownAddresses' | 'openStream'>
  readonly context: SigningContext
  readonly now: () => number
  /** Whether an attestation, by its CID, was taken back by who gave it. */
  readonly isRevoked?: (cid: string) => boolean
  /** A provider could not be asked, for a reason that is not being away. */
  readonly onUnreached?: (provider: string, reason: UnreachedReason) => void
}

/** An attestation with its name, and its place among those that came with an offer. */
interface Attested {
  readonly cid: string
  readonly value: RegionAttestation
  readonly signed: SignedRecord
}

/** Providers looked at for one key; beyond that a consumer has choice enough. */
export const PROVIDERS_MAX = 64
/** A DHT look-up of a small network ends in 0.1 s; a dead bootstrap must not stall a request for long. */
export const LOOKUP_MS = 5_000
const FETCH_MS = 3_000
/** Prices and slots older than this are asked for again, in the background where an answer can be had without. */
const FRESH_MS = 10_000
/** Offers that are not listed under the key any more are asked for this often while somebody looks. */
const ASK_AGAIN_MS = 30_000
/** Names are chosen by who asks; of those beyond so many, the ones asked for longest ago are looked up anew. */
const LOOKUPS_MAX = 1_000
/** As many as an offer lists. */
const ADDRESSES_MAX = 16
/** An offer is 8 KiB at most, and cites up to eight attestations. */
const ANSWER_BYTES_MAX = 64 * 1024

const answerSchema = z.strictObject({
  offer: signedRecordSchema,
  attestations: z.array(signedRecordSchema).max(8),
})

/** Finds offers in the DHT, takes each from its provider alone, and keeps them while they are valid. */
export class OfferDirectory {
  readonly #options: OfferDirectoryOptions
  readonly #offers = new Map<string, FetchedOffer & { readonly attested: readonly Attested[] }>()
  readonly #lookups = new Map<string, { at: number; running: Promise<void> | undefined }>()
  /** When a provider was struck off last, ms: it may be there all the same. */
  #droppedAt = 0

  constructor(options: OfferDirectoryOptions) {
    this.#options = options
  }

  /** Offers of a model (id or alias) in any of these regions. */
  async find(model: string, regions: readonly string[]): Promise<FetchedOffer[]> {
    await this.#lookUp(
      `${model} ${regions.join(' ')}`,
      regions.map((region) => modelKey(model, region)),
      () => this.#offersOf(model).length > 0,
    )
    return this.#offersOf(model)
  }

  /** Every offer in these regions; `*` is everywhere. */
  async browse(regions: readonly string[] = ['*']): Promise<FetchedOffer[]> {
    await this.#lookUp(
      `any ${regions.join(' ')}`,
      regions.map(browseKey),
      () => this.#offers.size > 0,
    )
    return this.#valid()
  }

  #forgetLookups(): void {
    for (const [name, { running }] of this.#lookups) {
      if (this.#lookups.size <= LOOKUPS_MAX) return
      if (running === undefined) this.#lookups.delete(name)
    }
  }

  /** The provider failed: its offer counts again only once it has answered for itself. */
  drop(provider: string): void {
    this.#offers.delete(provider)
    this.#droppedAt = this.#options.now()
  }

  #offersOf(model: string): FetchedOffer[] {
    return this.#valid().filter(({ offer }) =>
      offer.models.some(({ id, aliases }) => id === model || aliases.includes(model)),
    )
  }

  #valid(): FetchedOffer[] {
    const now = this.#options.now()
    for (const [provider, { offer }] of this.#offers)
      if (offer.notAfter <= now) this.#offers.delete(provider)
    return [...this.#offers.values()].map((offer) => this.#withoutRevoked(offer))
  }

  /** Looked at each time: it may have been revoked since the offer came. */
  #withoutRevoked<Known extends FetchedOffer & { readonly attested: readonly Attested[] }>(
    known: Known,
  ): Known {
    const { isRevoked } = this.#options
    const { attested } = known
    if (isRevoked === undefined || !attested.some(({ cid }) => isRevoked(cid))) return known
    const left = attested.filter(({ cid }) => !isRevoked(cid))
    const revoked = attested.filter(({ cid }) => isRevoked(cid)).map(({ value }) => value)
    return {
      ...known,
      revoked,
      attestations: left.map(({ value }) => value),
      signedAttestations: left.map(({ signed }) => signed),
    }
  }

  /** @param knowsAny whether there is anything to answer with; a provider that failed may have been the only one */
  async #lookUp(name: string, keys: readonly CID[], knowsAny: () => boolean): Promise<void> {
    const now = this.#options.now()
    const known = this.#lookups.get(name)
    if (known === undefined || known.running === undefined) {
      const isFresh = known !== undefined && now - known.at < FRESH_MS && known.at > this.#droppedAt
      if (isFresh && knowsAny()) return
      const running = this.#refresh(keys).finally(() => {
        this.#lookups.delete(name)
        this.#lookups.set(name, { at: this.#options.now(), running: undefined })
        this.#forgetLookups()
      })
      this.#lookups.set(name, { at: known?.at ?? 0, running })
    }
    // The first caller waits; later ones are served from what is known while it is renewed.
    if (known !== undefined && known.at > 0 && knowsAny()) return
    await this.#lookups.get(name)?.running
  }

  async #refresh(keys: readonly CID[]): Promise<void> {
    const seen = new Set<string>()
    const fetching: Promise<void>[] = []
    await Promise.all(
      keys.map(async (key) => {
        try {
          const signal = AbortSignal.timeout(LOOKUP_MS)
          for await (const found of this.#options.network.findProviders(key, {
            limit: PROVIDERS_MAX,
            signal,
          })) {
            if (seen.has(found.peerId)) continue
            seen.add(found.peerId)
            fetching.push(this.#fetch(found.peerId, found.addresses))
          }
        } catch {
          // Nobody to ask, or too slow: what was found so far counts.
        }
      }),
    )
    // A provider that is listed no more is not asked above, and may be dead or alive.
    const before = this.#options.now() - ASK_AGAIN_MS
    for (const [provider, { addresses, fetchedAt }] of this.#offers)
      if (!seen.has(provider) && fetchedAt < before) fetching.push(this.#fetch(provider, addresses))
    await Promise.all(fetching)
  }

  /** Asks the provider itself: the DHT goes on listing dead ones for up to half an hour. */
  async #fetch(provider: string, addresses: readonly string[]): Promise<void> {
    try {
      this.#offers.set(provider, await this.#askAnywhere(provider, addresses))
    } catch (error) {
      this.#offers.delete(provider)
      const why = whyUnreached(error, addresses)
      if (why !== undefined) this.#options.onUnreached?.(provider, why)
    }
  }

  /**
   * The peer that was asked first may know where a provider was before it came back on another port. Its own newest word
   * on that is the offer that it signed and put in the DHT.
   */
  async #askAnywhere(
    provider: string,
    addresses: readonly string[],
  ): Promise<FetchedOffer & { readonly attested: readonly Attested[] }> {
    try {
      return await this.#ask(provider, addresses)
    } catch (error) {
      const others = await this.#otherAddresses(provider, addresses)
      if (others.length === 0) throw error
      return await this.#ask(provider, others)
    }
  }

  async #otherAddresses(provider: string, tried: readonly string[]): Promise<readonly string[]> {
    const { network, context, now } = this.#options
    const known = await network.knownAddresses(provider)
    try {
      const key = offerKey(provider)
      const value = await network.getValue(key, { signal: AbortSignal.timeout(FETCH_MS) })
      // Throws for an offer that is another's, or has expired.
      if (value !== undefined)
        known.unshift(...openOfferValue(context, key, value, now()).value.addresses)
    } catch {
      // What the peers say has to do.
    }
    return [...new Set(known)].filter((address) => !tried.includes(address)).slice(0, ADDRESSES_MAX)
  }

  async #ask(
    provider: string,
    addresses: readonly string[],
  ): Promise<FetchedOffer & { readonly attested: readonly Attested[] }> {
    const { network, context, now } = this.#options
    const signal = AbortSignal.timeout(FETCH_MS)
    const { frames, remotePeer } = await network.openStream([...addresses], OFFER_PROTOCOL, {
      signal,
    })
    try {
      signal.addEventListener('abort', () => frames.abort(new Error('timeout')))
      await frames.end({ signal })
      const answer = (await frames.readBatch())?.[0]
      if (answer === undefined) throw new HanseError('HANSE_FRAME_MALFORMED', 'no offer came')
      const { offer: signed, attestations } = answerSchema.parse(
        decodeCanonical(answer, ANSWER_BYTES_MAX),
      )
      const opened = openSigned(context, offer, signed, offerSigners)
      if (
        remotePeer !== provider ||
        opened.value.provider !== provider ||
        opened.value.notAfter <= now()
      ) {
        throw new HanseError('HANSE_SIGNATURE_INVALID', 'not a current offer of this provider')
      }
      const attested = attestations.flatMap((one) => this.#openAttestation(one) ?? [])
      return {
        signed: opened,
        offer: opened.value,
        signedAttestations: attested.map((one) => one.signed),
        forged: attestations.length - attested.length,
        attestations: attested.map(({ value }) => value),
        attested,
        addresses: [...addresses],
        fetchedAt: now(),
      }
    } catch (error) {
      frames.abort(new Error('offer refused'))
      throw error
    }
  }

  /** A provider that shows what nobody has signed stays known, so that it can be said why it is left out. */
  #openAttestation(signed: SignedRecord): Attested | undefined {
    const { context } = this.#options
    try {
      const { cid, value } = openSigned(context, regionAttestation, signed, attestationSigners)
      return { cid: cid.toString(), value, signed }
    } catch {
      return undefined
    }
  }
}
