import assert from 'node:assert/strict'
import { picoEuro } from '@hanse/protocol'
import { describe, test } from 'vitest'
import { Budget, type Hold } from './budget.ts'

const NOON = Date.parse('2026-11-21T12:00:00Z')
const MIDNIGHT = Date.parse('2026-11-22T00:00:00Z')
const eur = picoEuro

function hold(most: bigint, at = NOON): Hold & { paid: bigint } {
  const made = { most: eur(most), at, paid: 0n, cost: () => made.paid }
  return made
}

describe('a budget', () => {
  test('sets the worst case aside, and settles to what it was', () => {
    const budget = new Budget({ limit: eur(100n), period: 'day' }, () => 30n, NOON)
    const running = hold(60n)
    budget.hold(running)
    assert.equal(budget.refusal(eur(10n), NOON), undefined)
    assert.equal(budget.refusal(eur(11n), NOON), 'reserved')
    assert.equal(budget.refusal(eur(71n), NOON), 'exhausted')
    running.paid = 5n
    budget.settle(running)
    budget.settle(running)
    const { spent, reserved } = budget.state(NOON)
    assert.deepEqual([spent, reserved], [35n, 0n])
  })

  test('that is spent refuses what costs nothing, too', () => {
    const budget = new Budget({ limit: eur(30n), period: 'day' }, () => 30n, NOON)
    assert.equal(budget.refusal(eur(0n), NOON), 'exhausted')
  })

  test('begins anew with its period; what ran over midnight counts for the day before', () => {
    let receipts = 0n
    const budget = new Budget({ limit: eur(100n), period: 'day' }, () => receipts, NOON)
    const late = hold(100n)
    budget.hold(late)
    assert.equal(budget.refusal(eur(1n), MIDNIGHT - 1), 'reserved')
    assert.equal(budget.refusal(eur(100n), MIDNIGHT), undefined)
    late.paid = 100n
    receipts = 0n
    budget.settle(late)
    assert.equal(budget.state(MIDNIGHT).spent, 0n)
  })

  test('stays in its period when the clock is set back', () => {
    const budget = new Budget({ limit: eur(100n), period: 'day' }, () => 0n, MIDNIGHT)
    assert.equal(budget.notBefore(NOON), MIDNIGHT)
    budget.hold(hold(100n, MIDNIGHT))
    assert.equal(budget.refusal(eur(1n), NOON), 'reserved')
  })

  test('with another period adds up again, and counts what runs once', () => {
    const running = hold(50n)
    running.paid = 20n
    const sums = { day: 20n, month: 70n, none: 500n, week: 20n }
    const budget = new Budget(
      { limit: eur(100n), period: 'day' },
      (_, period) => sums[period as keyof typeof sums],
      NOON - 1,
    )
    // The 20 that are derived at the start are of this very session.
    budget.change({ limit: eur(200n), period: 'month' }, NOON)
    budget.hold(running)
    budget.change({ limit: eur(200n), period: 'day' }, NOON)
    assert.deepEqual([budget.state(NOON).spent, budget.state(NOON).reserved], [0n, 50n])
    budget.settle(running)
    assert.equal(budget.state(NOON).spent, 20n)
    assert.deepEqual(budget.check(NOON), { counted: 20n, derived: 20n })
  })

  test('set while requests run counts them from then on', () => {
    let receipts = 0n
    const budget = new Budget({ limit: null, period: 'day' }, () => receipts, NOON)
    const running = hold(50n)
    budget.hold(running)
    assert.equal(budget.refusal(eur(10n ** 18n), NOON), undefined)
    running.paid = 10n
    receipts = 10n
    budget.change({ limit: eur(60n), period: 'day' }, NOON)
    assert.equal(budget.refusal(eur(11n), NOON), 'reserved')
    assert.equal(budget.refusal(eur(10n), NOON), undefined)
    running.paid = 30n
    receipts = 30n
    budget.settle(running)
    assert.deepEqual(budget.check(NOON), { counted: 30n, derived: 30n })
  })

  test('keeps the worst case set aside when what it came to cannot be read', () => {
    const budget = new Budget({ limit: eur(100n), period: 'day' }, () => 0n, NOON)
    const broken: Hold = {
      ...hold(100n),
      cost: () => {
        throw new Error('disk I/O error')
      },
    }
    budget.hold(broken)
    assert.throws(() => budget.settle(broken))
    assert.equal(budget.refusal(eur(1n), NOON), 'reserved')
  })
})
