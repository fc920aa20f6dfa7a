import assert from 'node:assert/strict'
import { type Prices, picoEuro } from '@hanse/protocol'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { WallClock } from '../availability/wall-clock.ts'
import { type Electricity, PriceBook, type PriceBookOptions } from './price-book.ts'
import type { Strategy } from './strategy.ts'
import { parseTariff, Tariff } from './tariff.ts'
import { isStep } from './utilization.ts'

const LIFE_MS = 30 * 60_000
const MODEL = 'test/a'
const prices = (input: bigint, output: bigint): Prices => ({
  inputPrice: picoEuro(input),
  outputPrice: picoEuro(output),
})
const RANGE: Strategy = {
  type: 'utilization',
  floor: prices(50_000n, 200_000n),
  ceiling: prices(100_000n, 800_000n),
}

class World {
  now = Date.parse('2026-06-01T12:00+02:00')
  load = { slots: 2, busy: 0, queued: 0 }
  throughput: ReturnType<PriceBookOptions['throughput']> = {
    outputTokensPerSecond: undefined,
    inputTokensPerSecond: undefined,
  }
  feeBps = 0
  changes = 0
  readonly book: PriceBook

  constructor(strategy: Strategy, electricity?: Partial<Electricity> & { tariff: Tariff }) {
    this.book = new PriceBook({
      strategies: new Map([[MODEL, strategy]]),
      load: () => this.load,
      throughput: () => this.throughput,
      electricity: electricity && { watts: () => 400, marginPercent: 0, ...electricity },
      feeBps: () => this.feeBps,
      offerLifeMs: LIFE_MS,
      now: () => this.now,
    })
    this.book.onChange(() => this.changes++)
  }

  get prices(): Prices {
    return this.book.pricesOf(MODEL) ?? assert.fail('no price')
  }

  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 10_000) {
      this.now += Math.min(10_000, left)
      this.book.update()
    }
  }
}

const tariff = (text: string) => new Tariff(parseTariff(text), new WallClock('Europe/Berlin'))

describe('a fixed price', () => {
  test('stays, whatever the load', () => {
    const world = new World({ type: 'fixed', prices: prices(1n, 2n) })
    world.load = { slots: 1, busy: 1, queued: 9 }
    world.pass(LIFE_MS)
    assert.deepEqual(world.prices, prices(1n, 2n))
    assert.equal(world.changes, 0)
  })
})

describe('a price that follows the load', () => {
  test('begins at its floor, rises to its ceiling when full, and falls again', () => {
    const world = new World(RANGE)
    assert.deepEqual(world.prices, prices(50_000n, 200_000n))
    world.load = { slots: 2, busy: 2, queued: 3 }
    world.pass(24 * LIFE_MS)
    assert.ok(world.prices.outputPrice >= 760_000n, `${world.prices.outputPrice}`)
    world.load = { slots: 2, busy: 0, queued: 0 }
    world.pass(2 * LIFE_MS)
    assert.ok(world.prices.outputPrice <= 212_000n, `${world.prices.outputPrice}`)
  })

  test('keeps its bounds, moves by steps, and rises by 10 % at most while an offer is valid', () => {
    const history = fc.array(
      fc.record({ busy: fc.nat(2), queued: fc.nat(4), minutes: fc.integer({ min: 1, max: 50 }) }),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(history, (steps) => {
        const world = new World(RANGE)
        const seen = [{ at: world.now, prices: world.prices }]
        for (const { busy, queued, minutes } of steps) {
          world.load = { slots: 2, busy, queued }
          for (let i = 0; i < minutes * 6; i++) {
            const before = world.prices
            const changes = world.changes
            world.pass(10_000)
            const after = world.prices
            assert.equal(world.changes - changes, before === after ? 0 : 1)
            if (before !== after) assert.ok(isStep(before, after), 'no small moves')
            seen.push({ at: world.now, prices: after })
            assert.ok(after.inputPrice >= 50_000n && after.inputPrice <= 100_000n)
            assert.ok(after.outputPrice >= 200_000n && after.outputPrice <= 800_000n)
            while ((seen[0]?.at ?? 0) <= world.now - LIFE_MS) seen.shift()
            for (const { prices: offered } of seen) {
              assert.ok(after.outputPrice * 10n <= offered.outputPrice * 11n, 'rises too fast')
              assert.ok(after.inputPrice * 10n <= offered.inputPrice * 11n, 'rises too fast')
            }
          }
        }
      }),
      { numRuns: 30 },
    )
  })

  test('does not flap when the load does', () => {
    const world = new World(RANGE)
    for (let i = 0; i < 360; i++) {
      world.load = { slots: 2, busy: i % 2 === 0 ? 2 : 0, queued: 0 }
      world.pass(10_000)
    }
    // An hour at a load of a half: some steps up, and none down.
    assert.ok(world.changes <= 4, `${world.changes} changes`)
  })
})

describe('what is asked of an order that cites an older offer', () => {
  const fixed = (input: bigint, output: bigint) =>
    new World({ type: 'fixed', prices: prices(input, output) }).book

  test('is what was offered while the price has not risen by a step', () => {
    const offered = prices(100n, 1_000n)
    assert.deepEqual(fixed(100n, 1_000n).askFor(MODEL, offered), offered)
    assert.deepEqual(fixed(104n, 1_049n).askFor(MODEL, offered), offered)
  })

  test('is the price of now when it is lower, or higher by up to a tenth', () => {
    const offered = prices(100n, 1_000n)
    assert.deepEqual(fixed(90n, 800n).askFor(MODEL, offered), prices(90n, 800n))
    assert.deepEqual(fixed(100n, 1_080n).askFor(MODEL, offered), prices(100n, 1_080n))
  })

  test('is never more than a tenth above the offer', () => {
    assert.deepEqual(fixed(300n, 9_000n).askFor(MODEL, prices(100n, 1_000n)), prices(110n, 1_100n))
  })

  test('of a model without a price is nothing', () => {
    assert.equal(fixed(1n, 1n).askFor('test/other', prices(1n, 1n)), undefined)
  })
})

describe('the floor that power sets', () => {
  test('holds below any strategy, once the speed is known', () => {
    const world = new World(RANGE, { tariff: tariff('0.36') })
    assert.equal(world.book.floorOf(MODEL), undefined)
    assert.deepEqual(world.prices, prices(50_000n, 200_000n))
    // 400 W × 0.36 EUR/kWh = 40 micro-euro a second; 100 tokens a second: 0.40 EUR/Mtok.
    world.throughput = { outputTokensPerSecond: 100, inputTokensPerSecond: 4_000 }
    world.pass(10_000)
    assert.deepEqual(world.book.floorOf(MODEL), prices(10_000n, 400_000n))
    assert.deepEqual(world.prices, prices(50_000n, 400_000n))
    assert.equal(world.changes, 1)
    // Speeds that are measured move a little all the time.
    for (const speed of [101, 99, 102, 98]) {
      world.throughput = { outputTokensPerSecond: speed, inputTokensPerSecond: 4_000 }
      world.pass(10_000)
    }
    assert.equal(world.changes, 1)
  })

  test('counts the power that is drawn while answers are made, not that of an idle machine', () => {
    let watts = 400
    const world = new World(RANGE, { tariff: tariff('0.36'), watts: () => watts })
    world.throughput = { outputTokensPerSecond: 100, inputTokensPerSecond: 4_000 }
    world.pass(10_000)
    watts = 20
    world.pass(10_000)
    assert.equal(world.book.floorOf(MODEL)?.outputPrice, 400_000n)
    world.load = { slots: 2, busy: 1, queued: 0 }
    watts = 500
    world.pass(10_000)
    assert.equal(world.book.floorOf(MODEL)?.outputPrice, 500_000n)
  })

  test('counts a speed that was given until one is measured', () => {
    const world = new World(RANGE, { tariff: tariff('0.36'), expectedTokensPerSecond: 50 })
    assert.deepEqual(world.prices, prices(200_000n, 800_000n), 'a prompt as the price list has it')
  })

  test('leaves the margin after what settlement keeps, and follows that at once', () => {
    const world = new World(RANGE, { tariff: tariff('0.36'), marginPercent: 20 })
    world.throughput = { outputTokensPerSecond: 100, inputTokensPerSecond: 4_000 }
    const floor = (feeBps: number) => {
      world.feeBps = feeBps
      world.book.update()
      return world.prices.outputPrice
    }
    assert.equal(floor(0), 480_000n)
    assert.equal(floor(2_500), 640_000n)
    // A hundredth more is less than the step by which measured speeds move prices.
    assert.equal(floor(2_600), 648_649n)
    assert.equal(floor(0), 480_000n)
    for (const feeBps of [1, 333, 2_500, 2_501, 9_000]) {
      const price = floor(feeBps)
      assert.ok(price * BigInt(10_000 - feeBps) >= 480_000n * 10_000n, `a loss at ${feeBps}`)
    }
  })

  test('is of the dearest hour in which an offer made now is still valid', () => {
    const world = new World(
      { type: 'fixed', prices: prices(0n, 1n) },
      { tariff: tariff('22:00-06:00=0.18,*=0.36'), expectedTokensPerSecond: 100 },
    )
    const out = (iso: string) => {
      world.now = Date.parse(iso)
      world.book.update()
      return world.prices.outputPrice
    }
    assert.equal(out('2026-06-01T23:00+02:00'), 200_000n)
    assert.equal(out('2026-06-02T05:29+02:00'), 200_000n)
    assert.equal(out('2026-06-02T05:31+02:00'), 400_000n)
    assert.equal(out('2026-06-02T21:59+02:00'), 400_000n)
    assert.equal(out('2026-06-02T22:00+02:00'), 200_000n)
  })
})
