import { makeAttestation } from '@hanse/protocol/testing'
import { expect, test } from 'vitest'
import type { ProviderLocation } from '../settlement/provider-api.ts'
import { locationLines, roundTripText } from './location-text.ts'
import type { Paint } from './pretty-line.ts'

const plain: Paint = (_, text) => text
const landmark = { peerId: 'peer-12345678', latitude: 50.11, longitude: 8.68, address: '' }
const { bytes, signatures } = makeAttestation()
const location: ProviderLocation = {
  country: 'DE',
  attestation: { bytes: Uint8Array.from(bytes), signatures: [] },
  refusal: null,
  evidence: [
    {
      kind: 'latency',
      country: 'DE',
      outcome: 'open',
      reference: 'the circles leave DE FR',
      observedAt: 0,
      expiresAt: Date.UTC(2026, 11, 2),
    },
  ],
}
const none = (refusal: NonNullable<ProviderLocation['refusal']>): ProviderLocation => ({
  ...location,
  attestation: null,
  refusal,
})

test('a measurement is told with what it bounds, and a landmark that is away with why', () => {
  expect(roundTripText(landmark, 1_000)).toBe(
    '50.11, 8.68 (…12345678): 1.0 ms, so at most 150 km away',
  )
  expect(roundTripText(landmark, undefined, 'no answer')).toMatch(/not measured: no answer$/u)
})

test('what is attested is told with what it rests on', () => {
  expect(signatures).toHaveLength(1)
  expect(locationLines(location, plain)).toEqual([
    'latency   DE, says neither yes nor no (the circles leave DE FR), until 2026-12-02',
    expect.stringMatching(/^attested in DE, level 3, until \d{4}-\d\d-\d\d$/u),
    'A running provider shows it within ten minutes.',
  ])
})

test.each([
  ['no-evidence', null, /nothing shows that it is in DE: .*documents/u],
  ['contradicted', 'latency', /latency says that it is not in DE/u],
  ['blocked', 'asked to leave', /the operator of settlement has revoked it: asked to leave/u],
])('why nothing is attested is said: %s', (reason, detail, words) => {
  expect(locationLines(none({ reason, detail }), plain).at(-1)).toMatch(words)
})

test('what settlement says cannot steer the terminal', () => {
  const lines = locationLines(none({ reason: 'blocked', detail: '\u{1b}[2J' }), plain)
  expect(lines.join('')).not.toContain('\u{1b}')
})
