import {
  type AttestationRevocations,
  attestationRevocationSigners,
  attestationRevocations,
  decodeCanonical,
  encodeCanonical,
  HanseError,
  openSigned,
  RECORD_BYTES_MAX,
  revocationsKey,
  type SignedRecord,
  type SigningContext,
  signedFields,
  signedRecordSchema,
} from '@hanse/protocol'

/** A list of 8 KiB with its signature around it. */
const VALUE_BYTES_MAX = RECORD_BYTES_MAX + 512

export function encodeRevocationsValue(signed: SignedRecord): Uint8Array {
  return encodeCanonical(signedFields(signed))
}

/**
 * What may be stored under `/hanse/revoked/<peer id>`: a list that this very attestor has signed. As with offers, who has no
 * key of that name fills nobody's memory under it.
 *
 * @throws {HanseError} so that the DHT refuses the value
 */
export function openRevocationsValue(
  context: SigningContext,
  key: Uint8Array,
  value: Uint8Array,
): AttestationRevocations {
  const signed = signedRecordSchema.safeParse(decodeCanonical(value, VALUE_BYTES_MAX))
  if (!signed.success) throw new HanseError('HANSE_RECORD_FIELDS', 'not a signed record')
  const opened = openSigned(
    context,
    attestationRevocations,
    signed.data,
    attestationRevocationSigners,
  )
  if (textOf(key) === textOf(revocationsKey(opened.value.issuer))) return opened.value
  throw new HanseError('HANSE_SIGNATURE_INVALID', 'the list of another attestor')
}

/** Index of the list that knows most: up to the last revocation, and of those from the first. */
export function selectNewestRevocations(values: readonly Uint8Array[]): number {
  let best = 0
  let known: Pick<AttestationRevocations, 'since' | 'until'> = { since: 0n, until: -1n }
  for (const [i, value] of values.entries()) {
    const found = stretchOf(value)
    if (found.until < known.until) continue
    if (found.until === known.until && found.since >= known.since) continue
    best = i
    known = found
  }
  return best
}

function stretchOf(value: Uint8Array): Pick<AttestationRevocations, 'since' | 'until'> {
  try {
    const signed = signedRecordSchema.parse(decodeCanonical(value, VALUE_BYTES_MAX))
    return attestationRevocations.decode(signed.bytes)
  } catch {
    return { since: 0n, until: -1n }
  }
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
