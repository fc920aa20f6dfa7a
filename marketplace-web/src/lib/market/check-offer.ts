import type { FetchedOffer } from '@hanse/node/consumer'
import type { RegionAttestation, SignedRecord } from '@hanse/protocol'

/** What came of checking one signed record. */
export type SignatureCheck = {
  /** CID of the record. */
  readonly cid: string
  readonly signer: string
  readonly isGood: boolean
}
export type AttestationCheck = SignatureCheck & {
  readonly value: RegionAttestation
  /** It is of the settlement that this site names, and is good now. */
  readonly counts: boolean
  readonly isExpired: boolean
}
export type OfferCheck = {
  readonly offer: SignatureCheck
  readonly attestations: readonly AttestationCheck[]
  /** How long all signatures took, ms. */
  readonly tookMs: number
}

/** Checks every signature of an offer once more, one by one, so that it can be shown what they say. */
export async function checkOffer(
  { signed, signedAttestations, offer }: FetchedOffer,
  network: string,
  attestor: string | undefined,
  now: number,
): Promise<OfferCheck> {
  const protocol = await import('@hanse/protocol')
  const started = performance.now()
  const opens = (open: () => unknown) => {
    try {
      open()
      return true
    } catch {
      return false
    }
  }
  const context = { network }
  const ofOffer: SignatureCheck = {
    cid: protocol.cidOf(signed.bytes).toString(),
    signer: offer.provider,
    isGood: opens(() =>
      protocol.openSigned(context, protocol.offer, signed, protocol.offerSigners),
    ),
  }
  const attestations = signedAttestations.map((record: SignedRecord): AttestationCheck => {
    const value = protocol.regionAttestation.decode(record.bytes)
    const isGood = opens(() =>
      protocol.openSigned(context, protocol.regionAttestation, record, protocol.attestationSigners),
    )
    const isExpired = now < value.notBefore || value.notAfter <= now
    return {
      cid: protocol.cidOf(record.bytes).toString(),
      signer: value.issuer,
      isGood,
      isExpired,
      value,
      counts: isGood && !isExpired && value.issuer === attestor && value.subject === offer.provider,
    }
  })
  return { offer: ofOffer, attestations, tookMs: performance.now() - started }
}
