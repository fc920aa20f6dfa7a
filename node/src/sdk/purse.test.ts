import assert from 'node:assert/strict'
import { picoEuro } from '@hanse/protocol'
import { describe, test } from 'vitest'
import { Purse } from './purse.ts'

describe('a purse', () => {
  test('never lets running answers reserve more than there is, and counts what receipts say', () => {
    const purse = new Purse(picoEuro(100n))
    const one = purse.reserve(picoEuro(60n))
    one.begin('a')
    assert.throws(() => purse.reserve(picoEuro(41n)), {
      code: 'HANSE_BUDGET_RESERVED',
      retryAfterMs: 1_000,
    })
    purse.paid('a', picoEuro(10n))
    purse.paid('a', picoEuro(25n))
    assert.equal(purse.spent, 25n)
    assert.equal(purse.free, 40n)
    one.release()
    one.release()
    assert.equal(purse.spent, 25n)
    assert.equal(purse.free, 75n)
    purse.reserve(picoEuro(75n)).release()
    assert.throws(() => purse.reserve(picoEuro(76n)), { code: 'HANSE_BUDGET_EXHAUSTED' })
    assert.equal(purse.spent, 25n)
  })

  test('that is empty still takes what costs nothing', () => {
    const purse = new Purse(picoEuro(0n))
    purse.reserve(picoEuro(0n)).release()
    assert.throws(() => purse.reserve(picoEuro(1n)), { code: 'HANSE_BUDGET_EXHAUSTED' })
  })

  test('without a limit refuses nothing, and counts all the same', () => {
    const purse = new Purse(undefined)
    const hold = purse.reserve(picoEuro(10n ** 18n))
    hold.begin('a')
    purse.paid('a', picoEuro(7n))
    purse.paid('of another one', picoEuro(9n))
    hold.release()
    assert.equal(purse.spent, 7n)
    assert.equal(purse.free, undefined)
  })
})
