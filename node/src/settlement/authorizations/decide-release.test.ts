import { type PicoEuro, picoEuro } from '@hanse/protocol'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decideRelease, type ReleaseFacts } from './decide-release.ts'

const MINUTE = 60_000
const NOW = 1_793_577_600_000
const TERMS = { idleMs: 15 * MINUTE }
const IDLE: ReleaseFacts = {
  now: NOW,
  notAfter: NOW + 60 * MINUTE,
  revoked: false,
  lastAt: NOW - 15 * MINUTE,
  connected: true,
  running: 0,
  unsettled: 0,
  earned: picoEuro(42n),
  reserved: picoEuro(0n),
}
const claims = (changes: Partial<ReleaseFacts>, idleMs = TERMS.idleMs): PicoEuro | undefined =>
  decideRelease({ ...IDLE, ...changes }, { idleMs })?.claims

describe('what is left of an authorization is given back', () => {
  test.each<[string, Partial<ReleaseFacts>]>([
    ['after a quarter of an hour without an order', {}],
    ['two minutes after a consumer that has left', { connected: false, lastAt: NOW - 2 * MINUTE }],
    ['at once when it is revoked', { revoked: true, lastAt: NOW }],
    ['when it is about to end', { notAfter: NOW + MINUTE - 1, lastAt: NOW }],
    ['when it has ended', { notAfter: NOW - MINUTE, lastAt: NOW }],
  ])('%s, and all that was earned may still be claimed', (_when, changes) => {
    expect(claims(changes)).toBe(42n)
  })

  test.each<[string, Partial<ReleaseFacts>]>([
    ['while orders come', { lastAt: NOW - 15 * MINUTE + 1 }],
    ['when its consumer has just left', { connected: false, lastAt: NOW - MINUTE }],
    ['while a session goes on', { running: 1 }],
    ['while a session is reserved for', { reserved: picoEuro(1n) }],
    ['while settlement has not answered for one', { unsettled: 1 }],
    ['while a session goes on, revoked as it is', { revoked: true, running: 1 }],
  ])('but not %s', (_when, changes) => {
    expect(claims(changes)).toBeUndefined()
  })

  test('but not for idleness when the owner says so', () => {
    expect(claims({ connected: false }, 0)).toBeUndefined()
    expect(claims({ revoked: true }, 0)).toBe(42n)
  })
})

test('no facts let anything be given back that may still be claimed', () => {
  const time = fc.integer({ min: NOW - 10 * 86_400_000, max: NOW + 10 * 86_400_000 })
  const facts = fc.record({
    now: fc.constant(NOW),
    notAfter: time,
    revoked: fc.boolean(),
    lastAt: time,
    connected: fc.boolean(),
    running: fc.nat(2),
    unsettled: fc.nat(2),
    earned: fc.bigInt(0n, 10n ** 15n).map(picoEuro),
    reserved: fc.bigInt(0n, 2n).map(picoEuro),
  })
  fc.assert(
    fc.property(facts, fc.integer({ min: 0, max: 86_400_000 }), (given, idleMs) => {
      const decided = decideRelease(given, { idleMs })
      const isOpen = given.running > 0 || given.unsettled > 0 || given.reserved > 0n
      if (isOpen) expect(decided).toBeUndefined()
      else if (decided !== undefined) expect(decided.claims).toBe(given.earned)
    }),
  )
})
