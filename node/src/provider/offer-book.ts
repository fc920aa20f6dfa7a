import {
  type Named,
  type Offer,
  type OfferedModel,
  offer,
  type PicoEuro,
  type Prices,
  type ProviderContext,
  picoEuro,
  type SignedRecord,
  signRecord,
} from '@hanse/protocol'

export interface OfferTerms {
  readonly country: string
  readonly models: readonly OfferedModel[]
  readonly gpus: Offer['gpus']
  readonly minAuthorization: PicoEuro
  readonly unsecuredCredit: PicoEuro
}

export interface OfferBookOptions {
  readonly context: ProviderContext
  readonly terms: OfferTerms
  /** Where this node can be dialed. */
  readonly addresses: () => readonly string[]
  /** Free slots by model id. */
  readonly freeSlots: (model: string) => number
  /** Whether a model can be sold now; all can where this is not given. */
  readonly isRunnable?: (model: string) => boolean
  /** What a model costs now; the terms say it where this does not. */
  readonly pricesOf?: (model: string) => Prices | undefined
  /** Of one answer, as measured lately; `null` before the first. */
  readonly tokensPerSecond?: (model: string) => number | null
  readonly now: () => number
  /** Keeps what was signed: receipts will cite it. */
  readonly keep: (offer: SignedOffer, attestations: readonly SignedRecord[]) => void
}

/** Long enough that a consumer need not ask again during a chat, short enough that a dead provider is soon forgotten. */
export const VALID_MS = 30 * 60_000
/** An offer must be valid when it is stored, which may take a while; it has no slots to buy. */
const WITHDRAWN_MS = 10_000
/** Slots change with every session; offers this fresh are handed out again. */
const FRESH_MS = 2_000
/** The DHT's copy is renewed well inside its validity. */
export const RENEW_MS = 10 * 60_000

/** What an offer holds; the best come first. */
const ADDRESSES_MAX = 16

/** Where a node can be dialed, as its offer names it. */
export function addressesOnOffer(network: { addresses(): readonly string[] }): readonly string[] {
  return network.addresses().slice(0, ADDRESSES_MAX)
}

type SignedOffer = Named<Offer> & SignedRecord

/** Signs this provider's offers, and remembers those that are still valid, for orders cite them. */
export class OfferBook {
  readonly #options: OfferBookOptions
  readonly #byCid = new Map<string, SignedOffer>()
  #attestations: readonly (SignedRecord & { cid: Offer['attestations'][number] })[] = []
  #current: SignedOffer | undefined
  #sequence: bigint

  constructor(options: OfferBookOptions) {
    this.#options = options
    // Milliseconds since 1970 rise over restarts too, without a counter on disk.
    this.#sequence = BigInt(options.now())
  }

  /** The attestations that offers cite from now on. */
  setAttestations(
    attestations: readonly (SignedRecord & { cid: Offer['attestations'][number] })[],
  ): void {
    this.#attestations = attestations
    this.#current = undefined
  }

  get attestations(): readonly SignedRecord[] {
    return this.#attestations
  }

  /** The offer as of now. */
  current(): SignedOffer {
    const now = this.#options.now()
    if (this.#current !== undefined && this.#isFresh(this.#current.value, now)) return this.#current
    this.#forgetExpired(now)
    this.#current = this.#sign(now)
    this.#byCid.set(this.#current.cid.toString(), this.#current)
    return this.#current
  }

  /** An offer of ours that an order cites; `undefined` when we did not make it or it has expired. */
  find(cid: string): Offer | undefined {
    return this.#byCid.get(cid)?.value
  }

  /** The last offer: it takes the place of the one before wherever that is kept, and expires at once. */
  withdraw(): SignedOffer {
    this.#current = undefined
    // Nobody is drawn by it in the seconds for which it has to be valid.
    const models = this.#models().map((model) => ({ ...model, slots: 0, freeSlots: 0 }))
    return this.#sign(this.#options.now(), models, WITHDRAWN_MS)
  }

  #sign(
    now: number,
    models: readonly OfferedModel[] = this.#models(),
    validMs = VALID_MS,
  ): SignedOffer {
    const { context, terms, addresses, keep } = this.#options
    const next = BigInt(now)
    this.#sequence = next > this.#sequence ? next : this.#sequence + 1n
    const signed = signRecord(
      context,
      offer,
      {
        provider: context.signer.peerId,
        sequence: this.#sequence,
        issuedAt: now,
        notAfter: now + validMs,
        addresses: addresses().slice(0, ADDRESSES_MAX),
        country: terms.country,
        attestations: this.#attestations.map(({ cid }) => cid),
        gpus: terms.gpus,
        models: [...models],
        minAuthorization: picoEuro(terms.minAuthorization),
        unsecuredCredit: picoEuro(terms.unsecuredCredit),
        protocolVersions: ['1.0.0'],
      },
      'provider',
      context.signer,
    )
    keep(signed, this.#attestations)
    return signed
  }

  /** Slots may be a little old; a price that has moved must not be offered any more. */
  #isFresh({ issuedAt, models }: Offer, now: number): boolean {
    // A clock that is set back must not make an offer fresh for hours.
    if (Math.abs(now - issuedAt) >= FRESH_MS) return false
    const current = this.#models()
    if (current.length !== models.length) return false
    return current.every((model, i) => {
      const offered = models[i]
      return (
        offered?.id === model.id &&
        offered.inputPrice === model.inputPrice &&
        offered.outputPrice === model.outputPrice
      )
    })
  }

  /** The models as of now. */
  #models(): OfferedModel[] {
    const { terms, freeSlots, pricesOf, tokensPerSecond, isRunnable } = this.#options
    const runnable = terms.models.filter(({ id }) => isRunnable?.(id) !== false)
    // An offer names at least one; while none can be sold, none is announced.
    const models = runnable.length > 0 ? runnable : terms.models
    return models.map((model) => {
      const { inputPrice, outputPrice } = pricesOf?.(model.id) ?? model
      const speed = tokensPerSecond?.(model.id) ?? null
      return {
        ...model,
        inputPrice,
        outputPrice,
        freeSlots: freeSlots(model.id),
        // The record's field is whole and at most a million.
        tokensPerSecond: speed === null ? null : Math.min(1_000_000, Math.round(speed)),
      }
    })
  }

  #forgetExpired(now: number): void {
    for (const [cid, { value }] of this.#byCid) if (value.notAfter <= now) this.#byCid.delete(cid)
  }
}
