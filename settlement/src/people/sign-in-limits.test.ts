import fc from 'fast-check'
import { expect, test } from 'vitest'
import { networkOf } from './person.ts'
import {
  ACCOUNT,
  type Attempts,
  accountAttempts,
  PLACE,
  placeAttempts,
  takeAttempt,
} from './sign-in-limits.ts'

/** Attempts as fast as they are allowed, for so long. */
function guesses(rule: typeof ACCOUNT, forMs: number): number {
  let [now, count] = [0, 0]
  let state: Attempts | undefined
  while (now < forMs) {
    const taken = takeAttempt(state, rule, now)
    if ('waitMs' in taken) now += taken.waitMs
    else {
      state = taken
      count++
    }
  }
  return count
}

test('an account stands a little over a hundred guesses a day, however they are timed', () => {
  expect(guesses(ACCOUNT, 24 * 3_600_000)).toBeLessThan(115)
  expect(guesses(PLACE, 24 * 3_600_000)).toBeLessThan(160)
})

test('nobody ever waits longer than the longest wait, and what was refused does not count', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 3_600_000 }), { maxLength: 200 }), (pauses) => {
      let now = 0
      let state: Attempts | undefined
      for (const pause of pauses) {
        now += pause
        const taken = takeAttempt(state, ACCOUNT, now)
        if ('waitMs' in taken) {
          expect(taken.waitMs).toBeLessThanOrEqual(ACCOUNT.longestMs)
          expect(taken.waitMs).toBeGreaterThan(0)
        } else state = taken
      }
      const later = takeAttempt(state, ACCOUNT, now + ACCOUNT.longestMs)
      expect('waitMs' in later).toBe(false)
    }),
  )
})

test('mistakes of an office are gone by the next day', () => {
  const tired: Attempts = { failures: 40, lastAt: 0, notBefore: 0 }
  expect(takeAttempt(tired, PLACE, 16 * 3_600_000)).toMatchObject({ failures: 8 })
})

test('a customer of an access provider is one place, whichever address of theirs it is', () => {
  expect(networkOf('2001:db8:0:1:aa::1')).toBe('2001:db8:0:1::/64')
  expect(networkOf('2001:0db8::1:bb:0:0:2')).toBe('2001:db8:0:1::/64')
  expect(networkOf('2001:db8::')).toBe('2001:db8:0:0::/64')
  expect(networkOf('::1')).toBe('0:0:0:0::/64')
  expect(networkOf('fe80::1%eth0')).toBe('fe80:0:0:0::/64')
  expect(networkOf('::ffff:192.0.2.1')).toBe('192.0.2.1')
  expect(networkOf('192.0.2.1')).toBe('192.0.2.1')
  expect(placeAttempts('2001:db8::1').subject).toEqual(placeAttempts('2001:db8::2').subject)
  expect(accountAttempts('192.0.2.1').subject).not.toEqual(placeAttempts('192.0.2.1').subject)
})
