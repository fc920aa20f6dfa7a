import { describe, expect, test } from 'vitest'
import { picoEuro } from '../money.ts'
import type { RegionAttestation } from '../region/attestation.ts'
import { ANYWHERE, EU_ONLY } from '../region/policy.ts'
import {
  attestor,
  HOUR_MS,
  MODEL,
  makeAttestation,
  makeOffer,
  NOW,
  OUTPUT_PRICE,
  provider,
  signerFrom,
} from '../testing/fixtures.ts'
import { browseKey, keysOf, modelKey, offerKey } from './keys.ts'
import { type KnownOffer, matchOffers, type Requirement, summarize } from './match.ts'
import { findModel, type Offer, type OfferedModel } from './offer.ts'

let next = 20
/** An offer of another provider, attested unless told otherwise. */
function known(
  changes: Partial<Offer> = {},
  model: Partial<OfferedModel> = {},
  attested: Partial<RegionAttestation> | null = {},
): KnownOffer {
  const { peerId } = signerFrom(next++)
  const base = makeOffer().value
  const offer = {
    ...base,
    provider: peerId,
    models: base.models.map((m) => ({ ...m, ...model })),
    ...changes,
  }
  const { country } = offer
  const seen = {
    subject: peerId,
    country,
    evidence: [{ kind: 'payout-account' as const, account: 'a', country }],
  }
  const attestations = attested === null ? [] : [makeAttestation({ ...seen, ...attested }).value]
  return { offer, attestations }
}
const requirement: Requirement = {
  model: MODEL,
  residency: { ...EU_ONLY, trustedAttestors: [attestor.peerId] },
  now: NOW,
}
const explain = (offer: KnownOffer, changes: Partial<Requirement> = {}) =>
  matchOffers([offer], { ...requirement, ...changes }).excluded.flatMap(({ reasons }) => reasons)

describe('matching', () => {
  test('ranks the cheapest output first, then input, then free slots', () => {
    const price = (value: bigint) => picoEuro(value)
    const offers = [
      known({}, { outputPrice: price(3n) }),
      known({}, { outputPrice: price(2n), inputPrice: price(9n) }),
      known({}, { outputPrice: price(2n), inputPrice: price(1n), freeSlots: 1 }),
      known({}, { outputPrice: price(2n), inputPrice: price(1n), freeSlots: 4 }),
      known({}, { outputPrice: price(2n ** 62n) }),
    ]
    const { candidates, excluded } = matchOffers(offers, requirement)
    expect(candidates.map((candidate) => offers.indexOf(candidate.known))).toEqual([3, 2, 1, 0, 4])
    expect(excluded).toEqual([])
    expect(candidates[0]?.evidenceLevel).toBe(3)
  })

  test.each<[string, KnownOffer, Partial<Requirement>, string, RegExp, RegExp]>([
    ['outside', known({ country: 'US' }), {}, 'residency', /US is outside EU/u, /allow US/u],
    ['weak evidence', known({}, {}, null), {}, 'residency', /level 0.* 3/u, /attestation/u],
    [
      'evidence of an attestor that is not trusted',
      known({}, {}, { issuer: provider.peerId }),
      {},
      'residency',
      /level 0.* 3, a payout account that Stripe verified: .* you do not trust/u,
      /trust its attestor/u,
    ],
    [
      'evidence that has expired',
      known({}, {}, { notBefore: 0, notAfter: NOW }),
      {},
      'residency',
      /: its attestation has expired/u,
      /attestation of level 3/u,
    ],
    [
      'evidence of tomorrow',
      known({}, {}, { notBefore: NOW + 1 }),
      {},
      'residency',
      /not valid yet: look at your clock/u,
      /attestation/u,
    ],
    [
      'contradicted',
      known({}, {}, { country: 'FR', evidence: [{ kind: 'declared' }], level: 1 }),
      {},
      'residency',
      /claims DE.*attested in FR/u,
      /corrects/u,
    ],
    ['expired', known({ notAfter: NOW }), {}, 'expired', /expired/u, /renews/u],
    [
      'too dear',
      known(),
      { maxOutputPrice: picoEuro(OUTPUT_PRICE - 1n) },
      'price',
      /output costs 0\.20 EUR\/Mtok.*0\.199999/u,
      /to 0\.20 EUR\/Mtok/u,
    ],
    [
      'input too dear',
      known(),
      { maxInputPrice: picoEuro(0n) },
      'price',
      /input costs 0\.10/u,
      /input price limit/u,
    ],
    ['context', known(), { contextTokens: 8193 }, 'context', /8193.*8192/u, /shorten/u],
    [
      'outside what the request asks for',
      known(),
      { narrowed: { allow: ['FR', 'AT'] } },
      'residency',
      /DE is outside FR, AT/u,
      /in the request/u,
    ],
    [
      'weaker evidence than the request asks for',
      known(),
      { narrowed: { minLevel: 4 } },
      'residency',
      /level 3, the request asks for 4/u,
      /attestation/u,
    ],
    ['another kind', known(), { kind: 'embedding' }, 'kind', /for chat, not/u, /for embedding/u],
    [
      'a model of which nothing is told, but to chat',
      known({}, { capabilities: ['logprobs'] }),
      { kind: 'completion' },
      'kind',
      /for chat, not for completion/u,
      /offered for completion/u,
    ],
    ['not listed', known(), { only: [attestor.peerId] }, 'provider', /allows 1/u, /add it/u],
  ])('says why not, and what would change it: %s', (_, offer, changes, code, message, change) => {
    const reasons = explain(offer, changes)
    expect(reasons.map((reason) => reason.code)).toEqual([code])
    expect(reasons[0]?.message).toMatch(message)
    expect(reasons[0]?.change).toMatch(change)
  })

  test('to ignore a provider outweighs to ask it', () => {
    const offer = known()
    const { provider } = offer.offer
    expect(explain(offer, { only: [provider], narrowed: {} })).toEqual([])
    const [reason, ...more] = explain(offer, { only: [provider], ignore: [provider] })
    expect(reason).toMatchObject({ code: 'provider', message: expect.stringMatching(/ignore/u) })
    expect(more).toEqual([])
  })

  test('a request cannot widen the policy', () => {
    const narrowed = { allow: ['US', 'DE'], minLevel: 0 }
    expect(explain(known({ country: 'US' }), { narrowed })).toMatchObject([
      { code: 'residency', change: expect.stringMatching(/residency policy/u) },
    ])
    expect(explain(known({}, {}, null), { narrowed })).toMatchObject([{ code: 'residency' }])
    expect(explain(known(), { narrowed })).toEqual([])
  })

  test('names every reason, not only the first', () => {
    const offer = known({ country: 'US', notAfter: NOW }, {}, null)
    const reasons = explain(offer, { maxOutputPrice: picoEuro(0n), contextTokens: 1e6 })
    expect(reasons.map(({ code }) => code)).toEqual(['residency', 'expired', 'price', 'context'])
  })

  test('limits are met at equality', () => {
    const fits = { maxOutputPrice: OUTPUT_PRICE, contextTokens: 8192 }
    expect(explain(known({ notAfter: NOW + 1 }), fits)).toEqual([])
  })

  test('sums up in one line', () => {
    const offers = [
      known({ country: 'US' }),
      known({ country: 'CH' }),
      known({ notAfter: NOW }),
      known(),
    ]
    expect(summarize(matchOffers(offers, requirement))).toBe('1 of 4: 2 residency, 1 expired')
    expect(summarize(matchOffers([known()], requirement))).toBe('1 of 1')
    expect(summarize(matchOffers([], requirement))).toBe('0 of 0')
  })

  test('finds a model by alias, every model without a name, and none by another name', () => {
    const offer = known()
    expect(matchOffers([offer], { ...requirement, model: 'test-model' }).candidates).toHaveLength(1)
    const { model: _, ...any } = requirement
    expect(matchOffers([offer], any).candidates).toHaveLength(1)
    expect(findModel(offer.offer, 'nobody/knows')).toBeUndefined()
  })

  test('anywhere asks for no evidence', () => {
    const residency = { ...ANYWHERE, trustedAttestors: [] }
    expect(explain(known({ country: 'US' }, {}, null), { residency })).toEqual([])
    expect(explain(known({ notAfter: NOW + HOUR_MS }, {}, null), { residency })).toEqual([])
  })
})

test('an offer is listed under its models and aliases in its regions', () => {
  const { value } = makeOffer()
  const keys = keysOf(value).map(String)
  expect(keys).toHaveLength(12)
  expect(new Set(keys).size).toBe(12)
  for (const region of ['DE', 'EU', 'EEA', '*']) {
    expect(keys).toContain(browseKey(region).toString())
    expect(keys).toContain(modelKey(MODEL, region).toString())
    expect(keys).toContain(modelKey('test-model', region).toString())
  }
  expect(new TextDecoder().decode(offerKey('12D3'))).toBe('/hanse/12D3')
})
