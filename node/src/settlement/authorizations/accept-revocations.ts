import {
  HanseError,
  openSigned,
  type RevocationList,
  revocationList,
  revocationSigners,
  type SignedRecord,
  type SigningContext,
} from '@hanse/protocol'

export interface ExpectedRevocations {
  /** Whose revocations were asked for. */
  readonly issuer: string
  /** The number after which they were asked for. */
  readonly since: bigint
  /** When the last list was signed, ms since 1970. */
  readonly lastAt: number
}

/** Services behind one address may have clocks that differ, and caches give out a list for a minute. */
const BACKWARDS_MS_MAX = 5 * 60_000

/**
 * A list of revocations, if it is the issuer's own and goes on where the last one ended: a list of another stretch, or an
 * old one that somebody kept, would hide some.
 *
 * @throws {HanseError} HANSE_RECORD_*, HANSE_SIGNATURE_*; HANSE_SETTLEMENT_UNAVAILABLE when it answers something else
 */
export function acceptRevocations(
  context: SigningContext,
  signed: SignedRecord,
  { issuer, since, lastAt }: ExpectedRevocations,
): RevocationList {
  const { value } = openSigned(context, revocationList, signed, revocationSigners)
  if (value.issuer !== issuer) throw wrong(`is of ${value.issuer}`)
  if (value.since !== since) throw wrong(`begins after ${value.since}, not after ${since}`)
  if (value.serials.length > 0 && value.until === since)
    throw wrong('has revocations without numbers')
  if (value.at < lastAt - BACKWARDS_MS_MAX) throw wrong('is older than the last one')
  return value
}

const wrong = (what: string) =>
  new HanseError('HANSE_SETTLEMENT_UNAVAILABLE', `settlement's list of revocations ${what}`)
