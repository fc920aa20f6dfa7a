import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HanseError, picoEuro } from '@hanse/protocol'
import { NOW } from '@hanse/protocol/testing'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import type { Reservation } from '../../consumer/request.ts'
import { NodeStore } from '../../store/node-store.ts'
import { keepSession } from '../testing/kept-session.ts'
import type { BudgetTerms } from './budget.ts'
import { type BudgetStop, SpendLedger } from './spend-ledger.ts'

const DAY_MS = 86_400_000
const limited = (limit: bigint, period: BudgetTerms['period'] = 'month'): BudgetTerms => ({
  limit: picoEuro(limit),
  period,
})

/** A ledger over a real store, whose clock goes by hand. */
class Bench implements Disposable {
  now = NOW
  readonly store: NodeStore
  readonly ledger: SpendLedger
  readonly stops: BudgetStop[] = []
  readonly failures: unknown[] = []

  constructor({ budget, path = ':memory:' }: { budget?: BudgetTerms; path?: string } = {}) {
    this.store = new NodeStore(path)
    this.ledger = new SpendLedger(this.store.spend, {
      now: () => this.now,
      budget,
      onStop: (stop) => this.stops.push(stop),
      onFailure: (error) => this.failures.push(error),
    })
  }

  [Symbol.dispose](): void {
    this.store[Symbol.dispose]()
  }

  reserve(key: string, most: bigint, tags: readonly string[] = []): Reservation {
    const account = this.ledger.account({ key, name: key, tags, limitedBy: 'max_tokens 9' })
    assert.ok(account !== undefined)
    return account.reserve(picoEuro(most))
  }

  /** A session that is paid for by a reservation. */
  session(reservation: Reservation, amount: bigint | undefined): string {
    return keepSession(this.store, { at: this.now, amount, begin: (id) => reservation.begin(id) })
  }

  agrees(): void {
    for (const { key, counted, derived } of this.ledger.check())
      assert.equal(counted, derived, key ?? 'node')
  }
}

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof HanseError)
    return error.code
  }
  return 'none'
}

describe('what a key has spent', () => {
  test('is what the receipts of its sessions say, also after a restart', () => {
    const folder = mkdtempSync(join(tmpdir(), 'hanse-ledger-'))
    const path = join(folder, 'node.db')
    try {
      {
        using bench = new Bench({ path, budget: limited(10n ** 20n) })
        bench.ledger.setBudget('key_a', limited(10n ** 19n))
        for (const amount of [2n ** 62n, 3n, 0n, undefined]) {
          const reservation = bench.reserve('key_a', 2n ** 62n)
          bench.session(reservation, amount)
          reservation.release()
        }
        keepSession(bench.store, { amount: 1_000n })
        assert.equal(bench.ledger.state('key_a')?.spent, 2n ** 62n + 3n)
        assert.equal(bench.ledger.state('key_a')?.reserved, 0n)
      }
      using bench = new Bench({ path, budget: limited(10n ** 20n) })
      bench.ledger.setBudget('key_a', limited(10n ** 19n))
      assert.equal(bench.ledger.state('key_a')?.spent, 2n ** 62n + 3n)
      assert.equal(bench.ledger.nodeState()?.spent, 2n ** 62n + 1_003n)
      bench.agrees()
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('counts in the period in which it was set aside, also when a session ends in the next', () => {
    using bench = new Bench()
    bench.ledger.setBudget('key_a', limited(100n, 'day'))
    const reservation = bench.reserve('key_a', 100n)
    const session = bench.session(reservation, 40n)
    bench.now += DAY_MS
    assert.equal(bench.ledger.state('key_a')?.reserved, 0n)
    reservation.release()
    assert.equal(bench.ledger.state('key_a')?.spent, 0n)
    assert.equal(bench.store.spend.amountOf(session), 40n)
    bench.agrees()
  })

  test('is known without a budget, too, and is nothing for an order that nobody took', () => {
    using bench = new Bench()
    bench.ledger.setBudget('key_a', { limit: null, period: 'month' })
    const taken = bench.reserve('key_a', 10n)
    bench.session(taken, 7n)
    taken.release()
    bench.reserve('key_a', 10n).release()
    assert.equal(bench.ledger.state('key_a')?.spent, 7n)
  })

  test('stays after it was forgotten whose sessions they were', () => {
    using bench = new Bench()
    bench.ledger.setBudget('key_a', limited(100n))
    const reservation = bench.reserve('key_a', 30n, ['tag'])
    bench.session(reservation, 30n)
    reservation.release()
    assert.equal(bench.store.spend.anonymise(NOW + 1).removed, 1)
    bench.agrees()
    bench.ledger.setBudget('key_a', limited(100n, 'none'))
    assert.equal(bench.ledger.state('key_a')?.spent, 30n)
  })
})

describe('a budget that does not do', () => {
  test('refuses with what may be done about it, and tells its owner once a period', () => {
    using bench = new Bench()
    bench.ledger.setBudget('key_a', limited(100n))
    const running = bench.reserve('key_a', 80n)
    assert.equal(
      refusal(() => bench.reserve('key_a', 30n)),
      'HANSE_BUDGET_RESERVED',
    )
    assert.deepEqual(bench.stops, [])
    assert.equal(
      refusal(() => bench.reserve('key_a', 101n)),
      'HANSE_BUDGET_EXHAUSTED',
    )
    bench.session(running, 80n)
    running.release()
    const last = bench.reserve('key_a', 20n)
    bench.session(last, 20n)
    last.release()
    for (let i = 0; i < 3; i++)
      assert.equal(
        refusal(() => bench.reserve('key_a', 0n)),
        'HANSE_BUDGET_EXHAUSTED',
      )
    assert.deepEqual(bench.stops, [{ key: 'key_a', from: Date.parse('2026-11-01T00:00:00Z') }])
    bench.now += 31 * DAY_MS
    bench.reserve('key_a', 100n).release()
  })

  test('of the whole gateway stops every key, and its owner', () => {
    using bench = new Bench({ budget: limited(100n) })
    bench.ledger.setBudget('key_a', limited(1_000n))
    const reservation = bench.reserve('key_a', 100n)
    for (const key of ['key_a', 'owner'])
      assert.equal(
        refusal(() => bench.reserve(key, 1n)),
        'HANSE_BUDGET_RESERVED',
      )
    bench.session(reservation, 100n)
    reservation.release()
    assert.equal(
      refusal(() => bench.reserve('owner', 1n)),
      'HANSE_BUDGET_EXHAUSTED',
    )
    assert.deepEqual(
      bench.stops.map(({ key }) => key),
      [undefined],
    )
    // What the key itself has left was not touched by what was refused.
    assert.equal(bench.ledger.state('key_a')?.reserved, 0n)
  })

  test('is not opened by a fault of the store: the worst case stays set aside', () => {
    const bench = new Bench()
    bench.ledger.setBudget('key_a', limited(100n))
    const reservation = bench.reserve('key_a', 100n)
    bench.session(reservation, 1n)
    bench[Symbol.dispose]()
    reservation.release()
    assert.equal(bench.failures.length, 1)
    assert.equal(
      refusal(() => bench.reserve('key_a', 1n)),
      'HANSE_BUDGET_RESERVED',
    )
  })
})

test('the owner’s own needs no account where nothing is counted', () => {
  using bench = new Bench()
  const payer = { key: 'owner', name: 'owner', limitedBy: '' }
  assert.equal(bench.ledger.account({ ...payer, tags: [] }), undefined)
  assert.notEqual(bench.ledger.account({ ...payer, tags: ['a'] }), undefined)
})

/** What may happen to the requests of two keys, in any order. */
const step = fc.oneof(
  fc.record({
    do: fc.constant('begin' as const),
    key: fc.constantFrom('key_a', 'key_b'),
    most: fc.bigInt(0n, 60n),
    /** Of what is set aside, per cent, by receipts that come while it runs; nobody answers when it is undefined. */
    part: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }),
  }),
  fc.record({ do: fc.constant('end' as const), which: fc.nat(20) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 2 * DAY_MS }) }),
  fc.record({
    do: fc.constant('change' as const),
    limit: fc.option(fc.bigInt(50n, 150n), { nil: null }),
    period: fc.constantFrom('day', 'week', 'month', 'none'),
  }),
  fc.record({ do: fc.constant('forget' as const) }),
)

test('in whatever order requests begin, end and wait, no budget is overspent, and all agree with the receipts', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => {
      using bench = new Bench({ budget: limited(150n, 'week') })
      for (const key of ['key_a', 'key_b']) bench.ledger.setBudget(key, limited(100n, 'day'))
      const running: Reservation[] = []
      for (const each of steps) {
        if (each.do === 'wait') bench.now += each.ms
        if (each.do === 'change') {
          const { limit, period } = each
          bench.ledger.setBudget('key_a', {
            limit: limit === null ? null : picoEuro(limit),
            period,
          })
        }
        if (each.do === 'forget') bench.store.spend.anonymise(bench.now - 7 * DAY_MS)
        if (each.do === 'begin') {
          const states = [bench.ledger.state(each.key), bench.ledger.nodeState()]
          const fits = states.every(
            (s) =>
              s?.limit == null ||
              (s.spent < s.limit && s.spent + s.reserved + each.most <= s.limit),
          )
          const refused = refusal(() => running.push(bench.reserve(each.key, each.most)))
          // Whatever fits is let in, and nothing else.
          assert.equal(refused === 'none', fits, refused)
          const reservation = fits ? running.at(-1) : undefined
          if (reservation !== undefined && each.part !== undefined)
            bench.session(reservation, (each.most * BigInt(each.part)) / 100n)
        }
        if (each.do === 'end') {
          const [ended] = running.splice(each.which % Math.max(1, running.length), 1)
          if (ended === undefined) continue
          ended.release()
          ended.release()
        }
        bench.agrees()
      }
      for (const reservation of running) reservation.release()
      for (const state of [bench.ledger.state('key_b'), bench.ledger.nodeState()]) {
        assert.ok(state !== undefined && state.limit !== null)
        assert.ok(state.spent <= state.limit, `${state.spent} of ${state.limit}`)
        assert.equal(state.reserved, 0n)
      }
      bench.agrees()
    }),
    { numRuns: 60 },
  )
})
