import {
  asksForPlace,
  attestationSigners,
  HanseError,
  type Named,
  type Offer,
  offer,
  offerSigners,
  openSigned,
  type RegionAttestation,
  type Residency,
  type ResidencyPolicy,
  type ResidencyReason,
  refusePlace,
  regionAttestation,
  type SignedRecord,
  type SigningContext,
} from '@hanse/protocol'
import { type UnreachedReason, unreachedText } from '../network/why-unreached.ts'
import type { FetchedOffer } from './offer-directory.ts'

/** A provider that got no prompt for its place, or for who answers there, and who saw to that. */
export interface PlaceRefused {
  /** While offers were compared, or on the connection over which the prompt was to leave. */
  readonly place: 'discovery' | 'before-prompt'
  readonly provider: string
  /** As it says itself. */
  readonly country: string
  readonly reason: ResidencyReason | UnreachedReason
  readonly message: string
  readonly policy: Residency
}

export interface RecipientCheckOptions {
  readonly context: SigningContext
  /** Whether an attestation, by its CID, was taken back by who gave it. */
  readonly isRevoked?: ((cid: string) => boolean) | undefined
  readonly now: () => number
  readonly onRefused?: ((refused: PlaceRefused) => void) | undefined
}

/**
 * Looks at who has answered, once the connection has proven its key and before anything of a prompt leaves. It believes
 * nobody who looked before: it opens the signed records itself and holds them against the policy as of now.
 */
export class RecipientCheck {
  readonly #options: RecipientCheckOptions
  /** Records are not changed once they are made: each is verified once. */
  readonly #offers = new WeakMap<SignedRecord, Offer>()
  readonly #attestations = new WeakMap<SignedRecord, Named<RegionAttestation>>()

  constructor(options: RecipientCheckOptions) {
    this.#options = options
  }

  /**
   * @param remotePeer whose key the connection has proven
   * @throws {HanseError} HANSE_RESIDENCY_UNPROVEN; nothing must be sent then
   */
  assertMayReceive(known: FetchedOffer, remotePeer: string, policy: ResidencyPolicy): void {
    const named = known.offer.provider
    const refusal =
      remotePeer === named
        ? this.#refuse(known, remotePeer, policy)
        : {
            reason: 'another-peer' as const,
            message: `${remotePeer} answered at the address of ${named}`,
          }
    if (refusal === undefined) return
    const { reason, message } = refusal
    const { allow, minLevel, evidence } = policy
    this.#options.onRefused?.({
      place: 'before-prompt',
      provider: remotePeer,
      country: known.offer.country,
      reason,
      message,
      policy: { allow, minLevel, ...(evidence !== undefined && { evidence }) },
    })
    throw new HanseError('HANSE_RESIDENCY_UNPROVEN', `nothing was sent to ${named}: ${message}`)
  }

  /** Nobody could be asked, for a reason that is not being away: it is told as a refusal is. */
  noteUnreached(
    { offer: { provider, country } }: FetchedOffer,
    reason: UnreachedReason,
    policy: Residency,
  ): void {
    const { allow, minLevel, evidence } = policy
    this.#options.onRefused?.({
      place: 'before-prompt',
      provider,
      country,
      reason,
      message: unreachedText(provider, reason),
      policy: { allow, minLevel, ...(evidence !== undefined && { evidence }) },
    })
  }

  #refuse(known: FetchedOffer, remotePeer: string, policy: ResidencyPolicy) {
    if (!asksForPlace(policy)) return undefined
    const { isRevoked = () => false, now } = this.#options
    let country: string
    let shown: readonly Named<RegionAttestation>[]
    try {
      country = this.#openOffer(known.signed, remotePeer).country
      shown = known.signedAttestations.map((one) => this.#openAttestation(one))
    } catch {
      return { reason: 'forged' as const, message: 'a signature that it shows is not good' }
    }
    const [revoked, left] = partition(shown, ({ cid }) => isRevoked(cid.toString()))
    const place = { peerId: remotePeer, country, attestations: left, revoked }
    return refusePlace(place, policy, now(), 'the residency policy')
  }

  #openOffer(signed: SignedRecord, remotePeer: string): Offer {
    const known = this.#offers.get(signed)
    const value = known ?? openSigned(this.#options.context, offer, signed, offerSigners).value
    this.#offers.set(signed, value)
    if (value.provider === remotePeer) return value
    throw new HanseError('HANSE_SIGNATURE_INVALID', 'the offer of another provider')
  }

  #openAttestation(signed: SignedRecord): Named<RegionAttestation> {
    const { context } = this.#options
    const known = this.#attestations.get(signed)
    const opened = known ?? openSigned(context, regionAttestation, signed, attestationSigners)
    this.#attestations.set(signed, opened)
    return opened
  }
}

/** @returns the values of those that are so, and of the others */
function partition<Value>(
  all: readonly Named<Value>[],
  isSo: (one: Named<Value>) => boolean,
): readonly [Value[], Value[]] {
  const { so = [], others = [] } = Object.groupBy(all, (one) => (isSo(one) ? 'so' : 'others'))
  return [so.map(({ value }) => value), others.map(({ value }) => value)]
}
