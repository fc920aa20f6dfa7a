import { type VatPlace, vatPlaceOf } from './territories.ts'

/** One piece of evidence of where a consumer is (Art. 24f of Implementing Regulation 282/2011). */
export interface LocationEvidence {
  readonly kind: 'billing_address' | 'card_country' | 'ip_country' | 'bank_country' | 'operator'
  /** ISO 3166-1 alpha-2. */
  readonly country: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Where a consumer is taken to be, and what shows it. */
export interface Location {
  readonly place: VatPlace
  /** What speaks for that place. */
  readonly matching: readonly LocationEvidence[]
  /** Two pieces that agree (Art. 24b(d)). One is enough only for sellers below EUR 100,000 a year. */
  readonly proven: boolean
  /** Something speaks for another place. */
  readonly contradicted: boolean
}

/** Pieces of different kinds that have to agree. */
const PIECES_MIN = 2

/**
 * Where a consumer is: the country that two pieces of evidence of different kinds agree on; without one, the country the
 * customer names. The named country wins a tie.
 */
export function locationOf(
  named: { readonly country: string; readonly postalCode?: string },
  evidence: readonly LocationEvidence[],
): Location {
  const countries = [...new Set([named.country, ...evidence.map(({ country }) => country)])]
  const country = countries.find((one) => kindsFor(one, evidence) >= PIECES_MIN) ?? named.country
  const matching = evidence.filter((piece) => piece.country === country)
  return {
    place: vatPlaceOf(country, country === named.country ? named.postalCode : undefined),
    matching,
    proven: kindsFor(country, evidence) >= PIECES_MIN,
    contradicted: matching.length < evidence.length,
  }
}

const kindsFor = (country: string, evidence: readonly LocationEvidence[]): number =>
  new Set(evidence.filter((one) => one.country === country).map(({ kind }) => kind)).size
