import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { order } from '../session/records.ts'
import {
  attestor,
  HOUR_MS,
  makeAttestation,
  makeOrder,
  NOW,
  provider,
  RUNS,
  stranger,
} from '../testing/fixtures.ts'
import { type EvidenceKind, type RegionAttestation, regionAttestation } from './attestation.ts'
import { isCountryCode, isInRegion } from './countries.ts'
import { ANYWHERE, checkResidency, EU_ONLY, narrowResidency, provenLevel } from './policy.ts'
import { type ResidencyReason, refusePlace, type ShownPlace } from './refusal.ts'

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

describe('kinds of evidence', () => {
  const asking = (...evidence: EvidenceKind[]) => ({ ...policy, evidence })
  const one = makeAttestation().value
  const documents = makeAttestation({
    evidence: [{ kind: 'operator', reference: 'file 12' }],
    level: 4,
  }).value

  test('have to be there, each of them, whatever the level', () => {
    const check = (attestations: RegionAttestation[], ...kinds: EvidenceKind[]) =>
      checkResidency(node, attestations, asking(...kinds), NOW)
    expect(check([one], 'payout-account')).toBeUndefined()
    expect(check([documents], 'payout-account', 'operator')).toEqual({
      reason: 'evidence-kind',
      missing: ['payout-account'],
    })
    expect(check([one, documents], 'payout-account', 'operator')).toBeUndefined()
  })

  test('count only where an attestor who is trusted says so now, of this node in this country', () => {
    const worthless: Partial<RegionAttestation>[] = [
      { issuer: stranger.peerId },
      { subject: stranger.peerId },
      { notAfter: NOW },
    ]
    for (const changes of worthless)
      expect(
        checkResidency(
          node,
          [documents, makeAttestation(changes).value],
          asking('payout-account'),
          NOW,
        ),
      ).toEqual({ reason: 'evidence-kind', missing: ['payout-account'] })
  })

  test('add up when a request asks for more, and take no second form on the wire', () => {
    const both = narrowResidency({ ...EU_ONLY, evidence: ['operator'] }, { evidence: ['latency'] })
    expect(both?.evidence).toEqual(['latency', 'operator'])
    expect(narrowResidency(EU_ONLY, {})).toEqual(EU_ONLY)
    const empty = { residency: { ...EU_ONLY, evidence: [] } }
    expect(() => order.encode({ ...makeOrder().value, ...empty })).toThrow(
      expect.objectContaining({ code: 'HANSE_RECORD_FIELDS' }),
    )
  })

  test('leave the bytes of an order that asks for none as they were', () => {
    const { bytes, value } = makeOrder()
    expect('evidence' in value.residency).toBe(false)
    expect(order.encode(order.decode(bytes))).toEqual(bytes)
    const asked = { ...value.residency, evidence: ['latency' as const] }
    expect(order.decode(order.encode({ ...value, residency: asked })).residency).toEqual(asked)
  })
})

describe('a refusal says', () => {
  const shown = (changes: Partial<ShownPlace>) =>
    refusePlace(
      { peerId: provider.peerId, country: 'DE', attestations: [], ...changes },
      policy,
      NOW,
      'the policy',
    )?.reason
  const attestation = (changes: Partial<RegionAttestation>) => [makeAttestation(changes).value]

  test.each<[ResidencyReason | undefined, Partial<ShownPlace>]>([
    [undefined, { attestations: attestation({}) }],
    ['none', {}],
    ['forged', { attestations: attestation({}), forged: 1 }],
    ['outside', { country: 'US' }],
    ['another-subject', { attestations: attestation({ subject: stranger.peerId }) }],
    ['not-trusted', { attestations: attestation({ issuer: stranger.peerId }) }],
    ['revoked', { revoked: attestation({}) }],
    ['none', { revoked: attestation({ subject: stranger.peerId }) }],
    ['expired', { attestations: attestation({ notAfter: NOW }) }],
    ['not-yet-valid', { attestations: attestation({ notBefore: NOW + 1 }) }],
    ['too-weak', { attestations: attestation({ evidence: [{ kind: 'declared' }], level: 1 }) }],
    [
      'attested-elsewhere',
      { attestations: attestation({ country: 'FR', evidence: [{ kind: 'declared' }], level: 1 }) },
    ],
  ])('%s', (reason, changes) => {
    expect(shown(changes)).toBe(reason)
  })

  test('that an attestation is forged also to whom every place is right', () => {
    const anywhere = { ...ANYWHERE, trustedAttestors: [] }
    const place = { peerId: provider.peerId, country: 'US', attestations: [] }
    expect(refusePlace(place, anywhere, NOW, '')).toBeUndefined()
    expect(refusePlace({ ...place, forged: 1 }, anywhere, NOW, '')?.reason).toBe('forged')
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
