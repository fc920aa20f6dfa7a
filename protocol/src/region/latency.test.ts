import { describe, expect, test } from 'vitest'
import { NOW, provider, settlement, stranger } from '../testing/fixtures.ts'
import type { LandmarkPing } from './landmark.ts'
import { judgeLatency, type MeasuredDisc, type PingFault, pingFault } from './latency.ts'

const from = (latitude: number, longitude: number, milliseconds: number): MeasuredDisc => ({
  latitudeE4: latitude * 10_000,
  longitudeE4: longitude * 10_000,
  roundTripUs: milliseconds * 1_000,
})
const frankfurt = (ms: number) => from(50.11, 8.68, ms)
const madrid = (ms: number) => from(40.42, -3.7, ms)
const newYork = (ms: number) => from(40.71, -74.01, ms)

describe('what round trips say of a claim', () => {
  test('half a millisecond from the middle of a country leaves that country alone', () => {
    expect(judgeLatency('DE', [frankfurt(0.5)])).toEqual({
      kind: 'within',
      region: 'DE',
      countries: ['DE'],
    })
  })

  test('a little more leaves countries of the EU alone', () => {
    const verdict = judgeLatency('DE', [frankfurt(1.2)])
    expect(verdict).toMatchObject({ kind: 'within', region: 'EU' })
    expect(verdict.countries).toContain('FR')
  })

  test('a slow answer leaves the question open, and says for which countries', () => {
    const verdict = judgeLatency('DE', [frankfurt(8)])
    expect(verdict.kind).toBe('open')
    expect(verdict.countries).toEqual(expect.arrayContaining(['DE', 'CH', 'GB', 'UA']))
    expect(verdict.countries).not.toContain('US')
  })

  test('one landmark that is near enough makes a claim impossible', () => {
    expect(judgeLatency('DE', [frankfurt(200), newYork(20)]).kind).toBe('excluded')
  })

  test('answers that no place on Earth could give exclude every claim', () => {
    expect(judgeLatency('DE', [frankfurt(1), madrid(1)])).toEqual({
      kind: 'excluded',
      countries: [],
    })
  })

  test('without a measurement nothing is said', () => {
    expect(judgeLatency('DE', []).kind).toBe('open')
  })
})

describe('a measurement counts', () => {
  const nonce = new Uint8Array(16).fill(7)
  const landmark = settlement.peerId
  const ping: LandmarkPing = {
    landmark,
    subject: provider.peerId,
    latitudeE4: 501_100,
    longitudeE4: 86_800,
    roundTripUs: 900,
    nonce,
    at: NOW,
    notAfter: NOW + 60_000,
  }
  const expected = {
    subject: provider.peerId,
    nonce,
    landmarks: [{ peerId: landmark, latitude: 50.11, longitude: 8.68 }],
    since: NOW,
    now: NOW + 1_000,
    skewMs: 5_000,
  }

  test('when it is of this subject, for this nonce, by a known landmark, and now', () => {
    expect(pingFault(ping, expected)).toBeUndefined()
  })

  test.each<[PingFault, Partial<LandmarkPing>]>([
    ['wrong-subject', { subject: stranger.peerId }],
    ['wrong-nonce', { nonce: new Uint8Array(16) }],
    ['unknown-landmark', { landmark: stranger.peerId }],
    ['landmark-elsewhere', { latitudeE4: 485_000 }],
    ['too-old', { at: NOW - 5_001 }],
    ['in-the-future', { at: NOW + 6_001, notAfter: NOW + 99_000 }],
    ['expired', { notAfter: NOW + 1_000 }],
  ])('and not when it is %s', (fault, changes) => {
    expect(pingFault({ ...ping, ...changes }, expected)).toBe(fault)
  })
})
