import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  attestor,
  HOUR_MS,
  makeAttestation,
  NOW,
  provider,
  RUNS,
  stranger,
} from '../testing/fixtures.ts'
import { type RegionAttestation, regionAttestation } from './attestation.ts'
import { isCountryCode, isInRegion } from './countries.ts'
import { ANYWHERE, checkResidency, EU_ONLY, narrowResidency, provenLevel } from './policy.ts'

const node = { peerId: provider.peerId, country: 'DE' }
const policy = { ...EU_ONLY, trustedAttestors: [attestor.peerId] }
const check = (changes: Partial<RegionAttestation>, now = NOW, country = 'DE') =>
  checkResidency({ ...node, country }, [makeAttestation(changes).value], policy, now)

describe('residency', () => {
  test('a trusted attestation of enough strength satisfies the policy', () => {
    expect(check({})).toBeUndefined()
  })

  test.each([
    ['nobody trusted', { issuer: stranger.peerId }],
    ['about another node', { subject: stranger.peerId }],
    ['expired', { notAfter: NOW }],
    ['not yet valid', { notBefore: NOW + 1 }],
  ])('an attestation that is %s proves nothing', (_, changes) => {
    expect(check(changes)).toEqual({ reason: 'evidence', level: 0, minLevel: 3 })
  })

  test('weak evidence is named with its level', () => {
    const weak = { evidence: [{ kind: 'declared' as const }], level: 1 }
    expect(check(weak)).toEqual({ reason: 'evidence', level: 1, minLevel: 3 })
  })

  test('a country outside is refused before evidence is looked at', () => {
    expect(check({}, NOW, 'CH')).toEqual({ reason: 'outside', country: 'CH' })
  })

  test('a trusted attestor outweighs what the node says of itself, even without a minimum', () => {
    const elsewhere = makeAttestation({ country: 'FR', evidence: [{ kind: 'declared' }], level: 1 })
    const lax = { ...ANYWHERE, trustedAttestors: [attestor.peerId] }
    expect(checkResidency(node, [makeAttestation().value, elsewhere.value], lax, NOW)).toEqual({
      reason: 'attested-elsewhere',
      country: 'DE',
      attested: 'FR',
    })
    expect(checkResidency(node, [elsewhere.value], { ...lax, trustedAttestors: [] }, NOW)).toBe(
      undefined,
    )
  })

  test('a level begins and ends with its attestation, to the millisecond', () => {
    const at = { notBefore: NOW, notAfter: NOW + HOUR_MS }
    const level = (now: number) =>
      provenLevel(provider.peerId, 'DE', [makeAttestation(at).value], [attestor.peerId], now)
    expect([NOW - 1, NOW, NOW + HOUR_MS - 1, NOW + HOUR_MS].map(level)).toEqual([0, 3, 3, 0])
  })
})

describe('narrowing', () => {
  test.each<[string, string[], string[] | undefined, string[] | undefined]>([
    ['nothing asked for', ['EU'], undefined, ['EU']],
    ['a country of it', ['EU'], ['DE'], ['DE']],
    ['a larger region', ['EU'], ['EEA'], ['EU']],
    ['partly outside', ['EU'], ['FR', 'US'], ['FR']],
    ['anywhere, of some', ['DE'], [], ['DE']],
    ['some, of anywhere', [], ['US'], ['US']],
    ['all outside', ['DE'], ['FR'], undefined],
  ])('%s', (_, allow, asked, expected) => {
    const narrowed = narrowResidency({ allow, minLevel: 2 }, asked ? { allow: asked } : {})
    expect(narrowed?.allow).toEqual(expected)
  })

  test('the stronger evidence counts', () => {
    expect(narrowResidency(EU_ONLY, { minLevel: 1 })?.minLevel).toBe(3)
    expect(narrowResidency(EU_ONLY, { minLevel: 4 })?.minLevel).toBe(4)
  })

  test('a country is allowed when both sides allow it, and only then', () => {
    const countries = ['DE', 'FR', 'NO', 'LI', 'US', 'GB']
    expect(countries.every(isCountryCode)).toBe(true)
    const lists = fc.subarray(['EU', 'EEA', ...countries])
    const allows = (list: readonly string[], country: string) =>
      list.length === 0 || list.some((region) => isInRegion(country, region))
    fc.assert(
      fc.property(lists, lists, fc.constantFrom(...countries), (allow, asked, country) => {
        const both = narrowResidency({ allow, minLevel: 0 }, { allow: asked })
        expect(both !== undefined && allows(both.allow, country)).toBe(
          allows(allow, country) && allows(asked, country),
        )
      }),
      { numRuns: RUNS.cheap },
    )
  })
})

describe('attestations', () => {
  const valid = makeAttestation().value
  test.each([
    ['a level that the evidence does not give', { level: 4 }],
    [
      'evidence for another country',
      { evidence: [{ kind: 'geoip', dataset: 'x', country: 'FR' }], level: 2 },
    ],
    ['no evidence', { evidence: [] }],
    ['no time', { notAfter: valid.notBefore }],
    ['an unknown country', { country: 'EU' }],
  ] as [string, Partial<RegionAttestation>][])('%s is refused', (_, changes) => {
    expect(() => regionAttestation.encode({ ...valid, ...changes })).toThrow(
      expect.objectContaining({ code: 'HANSE_RECORD_FIELDS' }),
    )
  })
})
