import { type RevocationList, revocationList, type Signer, signRecord } from '@hanse/protocol'
import { NOW, provider, settlement } from '@hanse/protocol/testing'
import { describe, expect, test } from 'vitest'
import { acceptRevocations } from './accept-revocations.ts'

const context = { network: 'test' }
const VALUE: RevocationList = {
  issuer: settlement.peerId,
  since: 3n,
  until: 5n,
  at: NOW,
  serials: [7n, 8n],
}
const EXPECTED = { issuer: settlement.peerId, since: 3n, lastAt: NOW }

const accept = (changes: Partial<RevocationList> = {}, by: Signer = settlement, network = 'test') =>
  acceptRevocations(
    context,
    signRecord({ network }, revocationList, { ...VALUE, ...changes }, 'settlement', by),
    EXPECTED,
  )

describe('a list of revocations', () => {
  test('is taken when it goes on where the last one ended', () => {
    expect(accept()).toEqual(VALUE)
    expect(accept({ until: 3n, serials: [] }).serials).toEqual([])
  })

  test.each<[string, Partial<RevocationList>]>([
    ['is of another issuer', { issuer: provider.peerId }],
    ['leaves out a stretch', { since: 4n }],
    ['begins too early', { since: 2n }],
    ['has revocations without numbers', { until: 3n }],
    ['is an old one', { at: NOW - 6 * 60_000 }],
  ])('that %s is refused', (_what, changes) => {
    const by = changes.issuer === provider.peerId ? provider : settlement
    expect(() => accept(changes, by)).toThrow(
      expect.objectContaining({ code: 'HANSE_SETTLEMENT_UNAVAILABLE' }),
    )
  })

  test('that somebody else has signed, or that is of another network, is refused', () => {
    expect(() => accept({}, provider)).toThrow(
      expect.objectContaining({ code: 'HANSE_SIGNATURE_MISSING' }),
    )
    expect(() => accept({}, settlement, 'other')).toThrow(
      expect.objectContaining({ code: 'HANSE_SIGNATURE_INVALID' }),
    )
  })
})
