import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { creditOf, type Measured, type ServiceLevel, shareBps, verdictOf } from './level.ts'
import { NO_PACES, PACE_BOUNDS } from './pace.ts'

const LEVEL: ServiceLevel = {
  availability: [
    { belowBps: 9990, creditBps: 1000 },
    { belowBps: 9900, creditBps: 2500 },
  ],
  pace: { msPerToken: 40, steps: [{ belowBps: 9500, creditBps: 500 }] },
  sessionsMin: 10,
  posting: 'automatic',
}

function measured(good: bigint, failed: bigint, slow = 0n): Measured {
  const paces = NO_PACES.map((_, i) => (i === PACE_BOUNDS.indexOf(56) ? slow : 0n))
  return { good, failed, paces }
}

describe('a level', () => {
  test.each<[string, Measured, number, string[]]>([
    ['all of it kept', measured(10_000n, 0n), 0, []],
    ['exactly at the limit', measured(9_990n, 10n), 0, []],
    ['a session below the limit', measured(9_989n, 11n), 1000, ['availability']],
    ['below both steps', measured(98n, 2n), 2500, ['availability']],
    ['nothing answered', measured(0n, 10n), 2500, ['availability']],
    ['too few sessions to tell', measured(0n, 9n), 0, []],
    ['one in twenty too slow', measured(100n, 0n, 5n), 0, []],
    ['more than one in twenty too slow', measured(100n, 0n, 6n), 500, ['pace']],
    ['slow and failing', measured(98n, 2n, 50n), 2500, ['availability', 'pace']],
  ])('%s', (_, facts, creditBps, missed) => {
    expect(verdictOf(LEVEL, facts)).toMatchObject({ creditBps, missed })
  })

  test('answers whose times nobody has shown are in time, so showing only slow ones gains nothing', () => {
    expect(verdictOf(LEVEL, measured(1_000n, 0n, 50n)).missed).toEqual([])
    expect(verdictOf(LEVEL, measured(50n, 0n, 50n)).missed).toEqual(['pace'])
  })

  test('a credit is the share of the spend, rounded down, and never more than the platform earned', () => {
    const amount = fc.bigInt(0n, 10n ** 30n)
    fc.assert(
      fc.property(amount, amount, fc.integer({ min: 1, max: 10_000 }), (spend, fee, bps) => {
        const credit = creditOf(spend, fee, bps)
        expect(credit <= fee && credit * 10_000n <= spend * BigInt(bps)).toBe(true)
        const isCapped = credit === fee
        expect(isCapped || (credit + 1n) * 10_000n > spend * BigInt(bps)).toBe(true)
      }),
    )
  })

  test('a share is rounded down: only what is whole is 100 %', () => {
    expect([shareBps(0n, 0n), shareBps(99_999n, 100_000n), shareBps(3n, 3n)]).toEqual([
      null,
      9_999,
      10_000,
    ])
  })
})
