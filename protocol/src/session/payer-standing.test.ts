import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { picoEuro } from '../money.ts'
import {
  afterDefault,
  afterPayment,
  PAYER_LIMITS,
  type PayerRecord,
  standingOf,
} from './payer-standing.ts'

const AT = 1_800_000_000_000
const LATER = PAYER_LIMITS.togetherMs
const WINDOW = picoEuro(1_000n)

/** Defaults that are far enough apart to count each. */
function defaults(count: number): PayerRecord {
  let record: PayerRecord | undefined
  for (let i = 0; i < count; i++) record = afterDefault(record, WINDOW, AT + i * LATER)
  if (record === undefined) throw new Error('no default')
  return record
}

describe('a payer', () => {
  test('of whom nothing is known is a stranger', () => {
    expect(standingOf(undefined, AT)).toEqual({ type: 'stranger' })
  })

  test('that left a window unpaid pays first, until twice as much is countersigned', () => {
    const record = defaults(1)
    expect(standingOf(record, AT)).toEqual({ type: 'prepaid' })
    const paid = afterPayment(record, picoEuro(1_999n))
    expect(standingOf(paid, AT)).toEqual({ type: 'prepaid' })
    expect(standingOf(afterPayment(paid, picoEuro(1n)), AT)).toEqual({ type: 'stranger' })
  })

  test('owes more for each default that is remembered, also when the last was made good', () => {
    const good = afterPayment(defaults(1), picoEuro(1_000_000n))
    const again = afterDefault(good, WINDOW, AT + LATER)
    expect(again).toEqual({ defaults: 2, lastAt: AT + LATER, owed: 4_000n })
    const most = WINDOW * PAYER_LIMITS.timesMax
    expect(afterDefault({ ...again, defaults: 99, owed: picoEuro(0n) }, WINDOW, AT * 2).owed).toBe(
      // So long after, the others are forgotten.
      2_000n,
    )
    expect(
      afterDefault({ ...again, defaults: 99, owed: picoEuro(0n) }, WINDOW, AT + 2 * LATER).owed,
    ).toBe(most)
  })

  test('is not blamed more than once for sessions that a broken connection cut together', () => {
    let record: PayerRecord | undefined
    for (let i = 0; i < 50; i++) record = afterDefault(record, WINDOW, AT + i * 100)
    expect(record).toEqual({ defaults: 1, lastAt: AT, owed: 100_000n })
    expect(standingOf(record, AT + 5_000)).toEqual({ type: 'prepaid' })
    // But a row of them does not go on for ever.
    expect(afterDefault(record, WINDOW, AT + LATER).defaults).toBe(2)
  })

  test('that does it again and again waits, longer each time, and may then pay first', () => {
    const { refusedFrom, refusedMs, refusedMsMax } = PAYER_LIMITS
    const waits = [1, 2, 3, 4, 5, 40].map((count) => {
      const record = defaults(count)
      const standing = standingOf(record, record.lastAt)
      return standing.type === 'refused' ? standing.retryAfterMs : 0
    })
    expect(refusedFrom).toBe(3)
    expect(waits).toEqual([0, 0, refusedMs, 2 * refusedMs, 4 * refusedMs, refusedMsMax])
    const record = defaults(4)
    expect(standingOf(record, record.lastAt + 2 * refusedMs).type).toBe('prepaid')
    expect(standingOf(record, record.lastAt + 2 * refusedMs - 1)).toEqual({
      type: 'refused',
      retryAfterMs: 1,
    })
  })

  test('is forgotten after a month', () => {
    const record = defaults(9)
    const end = record.lastAt + PAYER_LIMITS.forgetMs
    expect(standingOf(record, end - 1).type).toBe('prepaid')
    expect(standingOf(record, end)).toEqual({ type: 'stranger' })
    expect(afterDefault(record, WINDOW, end)).toEqual({ defaults: 1, lastAt: end, owed: 2_000n })
  })

  test('who goes on so pays more than it takes, whatever the order of losses and payments', () => {
    const steps = fc.array(
      fc.record({
        take: fc.bigInt(1n, 5_000n),
        waitMs: fc.integer({ min: LATER, max: 3_600_000 }),
      }),
      { minLength: 1, maxLength: 40 },
    )
    fc.assert(
      fc.property(steps, (taken) => {
        let record: PayerRecord | undefined
        let now = AT
        let took = 0n
        let paid = 0n
        for (const { take, waitMs } of taken) {
          record = afterDefault(record, picoEuro(take), now)
          took += take
          // What it costs to be a stranger again, and no more than that.
          paid += record.owed
          record = afterPayment(record, record.owed)
          now += waitMs
          expect(standingOf(record, now).type).toBe('stranger')
        }
        expect(paid).toBeGreaterThanOrEqual(2n * took)
      }),
    )
  })
})
