import { fail, isTrusted, type Parts } from './checks.ts'
import type { Fields } from './fields.ts'
import { namedSigners } from './records.ts'
import { regionsOf } from './schema.ts'

const TYPE = 'hanse.region-attestation.v1'

/** Whether the provider was where the order allows, by attestations that were valid at that time. */
export function checkResidency(
  parts: Parts,
  order: Fields,
  offer: Fields,
  at: bigint,
  trusted: readonly string[] | undefined,
  unproved: () => void,
): void {
  const cited = offer.list('attestations')
  const opened = parts.all('attestation').map((one) => parts.open(TYPE, one, namedSigners(TYPE)))
  if (opened.some(({ name }) => !cited.some((link) => name.equals(link))))
    fail('not cited by the offer')
  const residency = order.map('residency')
  const allowed = residency.texts('allow')
  const country = offer.text('country')
  const isAllowed =
    allowed.length === 0 || allowed.some((region) => regionsOf(country).includes(region))
  if (!isAllowed) fail('outside')
  const counted = opened
    .map(({ fields }) => fields)
    .filter(
      (one) =>
        one.text('subject') === offer.text('provider') &&
        (trusted?.includes(one.text('issuer')) ?? true) &&
        one.int('notBefore') <= at &&
        at < one.int('notAfter'),
    )
  // Whoever is trusted and names another country outweighs what the provider says of itself.
  if (counted.some((one) => one.text('country') !== country)) fail('attested elsewhere')
  const best = counted.toSorted((a, b) => Number(b.int('level') - a.int('level')))[0]
  const kinds = counted.flatMap((one) => one.maps('evidence').map((piece) => piece.text('kind')))
  const wanted = residency.has('evidence') ? residency.texts('evidence') : []
  if (wanted.some((kind) => !kinds.includes(kind))) fail('another kind of evidence')
  const least = residency.int('minLevel')
  if ((best?.int('level') ?? 0n) < least) fail('too little evidence')
  if (least === 0n && wanted.length === 0) return
  isTrusted(best?.text('issuer') ?? '', trusted, unproved)
}
