import {
  decodeCanonical,
  encodeCanonical,
  HanseError,
  type Named,
  type Offer,
  offer,
  offerKey,
  offerSigners,
  openSigned,
  RECORD_BYTES_MAX,
  type SignedRecord,
  type SigningContext,
  signedFields,
  signedRecordSchema,
} from '@hanse/protocol'

/** An offer of 8 KiB with its signature around it. */
const VALUE_BYTES_MAX = RECORD_BYTES_MAX + 512

export function encodeOfferValue(signed: SignedRecord): Uint8Array {
  return encodeCanonical(signedFields(signed))
}

/**
 * What may be stored under `/hanse/<peer id>`: a valid offer of that very peer.
 *
 * @throws {HanseError} so that the DHT refuses the value
 */
export function openOfferValue(
  context: SigningContext,
  key: Uint8Array,
  value: Uint8Array,
  now: number,
): Named<Offer> & SignedRecord {
  const signed = signedRecordSchema.safeParse(decodeCanonical(value, VALUE_BYTES_MAX))
  if (!signed.success) throw new HanseError('HANSE_RECORD_FIELDS', 'not a signed record')
  const opened = openSigned(context, offer, signed.data, offerSigners)
  if (new TextDecoder().decode(key) !== new TextDecoder().decode(offerKey(opened.value.provider))) {
    throw new HanseError('HANSE_SIGNATURE_INVALID', 'the offer of another peer')
  }
  if (opened.value.notAfter <= now)
    throw new HanseError('HANSE_ORDER_EXPIRED', 'the offer has expired')
  return opened
}

/** Index of the newest of several valid values: the highest sequence. */
export function selectNewestOffer(values: readonly Uint8Array[]): number {
  let best = 0
  let highest = -1n
  for (const [i, value] of values.entries()) {
    const sequence = sequenceOf(value)
    if (sequence > highest) {
      best = i
      highest = sequence
    }
  }
  return best
}

function sequenceOf(value: Uint8Array): bigint {
  try {
    const signed = signedRecordSchema.parse(decodeCanonical(value, VALUE_BYTES_MAX))
    return offer.decode(signed.bytes).sequence
  } catch {
    return -1n
  }
}
