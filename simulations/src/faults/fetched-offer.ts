import {
  attestationSigners,
  findModel,
  HanseError,
  type Named,
  type Offer,
  type OfferedModel,
  offer,
  offerSigners,
  openSigned,
  type RegionAttestation,
  regionAttestation,
  type SignedRecord,
} from '@hanse/protocol'
import { CONTEXT } from './cast.ts'
import { MODEL, type OfferAnswer } from './provider-node.ts'

/** An offer as a consumer knows it. */
export interface FetchedOffer {
  readonly signed: Named<Offer> & SignedRecord
  readonly offer: Offer
  readonly model: OfferedModel
  readonly attestations: readonly RegionAttestation[]
  readonly signedAttestations: readonly SignedRecord[]
}

/** As node's directory opens what a provider answers. @throws {HanseError} */
export function openAnswer(answer: OfferAnswer, provider: string): FetchedOffer {
  const signed = openSigned(CONTEXT, offer, answer.offer, offerSigners)
  const model = findModel(signed.value, MODEL)
  if (signed.value.provider !== provider || model === undefined)
    throw new HanseError('HANSE_SIGNATURE_INVALID', 'not the offer that was asked for')
  return {
    signed,
    offer: signed.value,
    model,
    signedAttestations: answer.attestations,
    attestations: answer.attestations.map(
      (one) => openSigned(CONTEXT, regionAttestation, one, attestationSigners).value,
    ),
  }
}
