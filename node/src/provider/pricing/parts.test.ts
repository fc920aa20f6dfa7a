import assert from 'node:assert/strict'
import { picoEuro } from '@hanse/protocol'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { WallClock } from '../availability/wall-clock.ts'
import { tokenFloor } from './electricity.ts'
import { parseOverrides, strategiesOf } from './strategy.ts'
import { parseTariff, Tariff } from './tariff.ts'

const KWH = 10n ** 12n

describe('a token’s share of the electricity', () => {
  test('is exact', () => {
    // 350 W at 0.30 EUR/kWh cost 105 milli-euro an hour; 50 tokens a second make 180,000 of them.
    const facts = { perKwh: picoEuro((3n * KWH) / 10n), watts: 350, marginPercent: 0, feeBps: 0 }
    assert.equal(tokenFloor(facts, 50), 583_334n)
    assert.equal(tokenFloor({ ...facts, marginPercent: 20 }, 50), 700_000n)
    // Of a fee of a quarter, three quarters are left to pay for it.
    assert.equal(tokenFloor({ ...facts, marginPercent: 20, feeBps: 2_500 }, 50), 933_334n)
  })

  test('covers the power and the margin after the fee, and is not a pico-euro more than it has to be', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 100n * KWH),
        fc.integer({ min: 0, max: 20_000 }),
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 0, max: 1_000 }),
        fc.integer({ min: 0, max: 9_999 }),
        (perKwh, watts, tokensPerSecond, marginPercent, feeBps) => {
          const facts = { perKwh: picoEuro(perKwh), watts, marginPercent, feeBps }
          const floor = tokenFloor(facts, tokensPerSecond)
          // Of an hour: what is left of what comes in, and what has to be; in hundredths, and of the fee in its own parts.
          const left = (price: bigint) =>
            price * BigInt(10_000 - feeBps) * BigInt(tokensPerSecond) * 3600n * 1000n * 100n
          const cost = perKwh * BigInt(watts) * BigInt(100 + marginPercent) * 10_000n
          assert.ok(left(floor) >= cost)
          if (floor > 0n) assert.ok(left(floor - 1n) < cost)
        },
      ),
    )
  })

  test('of a machine that stands still is finite', () => {
    assert.ok(tokenFloor({ perKwh: picoEuro(KWH), watts: 1, marginPercent: 0, feeBps: 0 }, 0) > 0n)
  })

  test('under a fee that takes everything is finite', () => {
    const facts = { perKwh: picoEuro(KWH), watts: 1, marginPercent: 0 }
    const [all, nearly] = [10_000, 9_999].map((feeBps) => tokenFloor({ ...facts, feeBps }, 1))
    assert.equal(all, nearly)
  })
})

describe('a tariff', () => {
  test('is by the hour on the wall, the first that holds', () => {
    const clock = new WallClock('Europe/Berlin')
    const tariff = new Tariff(
      parseTariff('sat-sun 00:00-24:00=0.2, 22:00-06:00=0.21,*=0.35'),
      clock,
    )
    const at = (iso: string) => Number(tariff.at(Date.parse(iso))) / 1e12
    assert.equal(at('2026-06-01T23:00+02:00'), 0.21)
    assert.equal(at('2026-06-01T06:00+02:00'), 0.35)
    assert.equal(at('2026-06-06T12:00+02:00'), 0.2)
    assert.equal(Number(new Tariff(parseTariff('0.32'), clock).at(0)) / 1e12, 0.32)
  })

  test.each([
    ['', 'all other hours'],
    ['22:00-06:00=0.21', 'all other hours'],
    ['*=0.35,22:00-06:00=0.21', 'all other hours'],
    ['0.3,0.4', 'once, and last'],
    ['-1', 'euro a kilowatt-hour'],
    ['0.3x', 'euro a kilowatt-hour'],
    ['1e3', 'euro a kilowatt-hour'],
    ['22-6=0.2,*=0.3', 'span of hours'],
  ])('“%s” is refused, saying why', (text, message) => {
    assert.throws(() => parseTariff(text), new RegExp(message, 'u'))
  })
})

describe('prices of models', () => {
  const settings = {
    inputPrice: picoEuro(100n),
    outputPrice: picoEuro(1_000n),
    priceStrategy: 'fixed' as const,
    priceFloorPercent: 50,
    priceCeilingPercent: 200,
    prices: [],
  }
  const models = [
    { id: 'meta/llama-3.2-3b', aliases: ['llama3.2:3b'] },
    { id: 'b/c', aliases: [] },
  ]

  test('are those of the settings, but for models that have their own', () => {
    const prices = parseOverrides('llama3.2:3b=0.05/0.20..0.10/0.40')
    const strategies = strategiesOf(models, { ...settings, prices })
    assert.deepEqual(strategies.get('meta/llama-3.2-3b'), {
      type: 'utilization',
      floor: { inputPrice: 50_000n, outputPrice: 200_000n },
      ceiling: { inputPrice: 100_000n, outputPrice: 400_000n },
    })
    assert.deepEqual(strategies.get('b/c'), {
      type: 'fixed',
      prices: { inputPrice: 100n, outputPrice: 1_000n },
    })
  })

  test('that follow the load do so between percents of the price', () => {
    const strategies = strategiesOf(models, { ...settings, priceStrategy: 'utilization' })
    assert.deepEqual(strategies.get('b/c'), {
      type: 'utilization',
      floor: { inputPrice: 50n, outputPrice: 500n },
      ceiling: { inputPrice: 200n, outputPrice: 2_000n },
    })
  })

  test('of a model that is not offered are a clear error', () => {
    assert.throws(
      () => strategiesOf(models, { ...settings, prices: parseOverrides('x/y=1/2') }),
      /price for x\/y, which is not offered; offered are meta/u,
    )
  })

  test('with the floor above the ceiling are a clear error', () => {
    assert.throws(() => strategiesOf(models, { ...settings, priceFloorPercent: 201 }), {
      code: 'HANSE_CONFIG_INVALID',
    })
  })

  test.each([
    ['a/b', 'not a price'],
    ['a/b=1', 'not input/output'],
    ['a/b=1/2/3', 'not input/output'],
    ['a/b=1/x', 'not a price'],
    ['=1/2', 'not a price'],
    ['a/b=1/2..1/1', 'below the first'],
    ['a/b=0/0..1/1', 'begin at zero'],
    ['a/b=1/2..3/4..5/6', 'not a price'],
    ['a/b=1/2,a/b=1/2', 'two prices'],
  ])('“%s” are refused, saying why', (text, message) => {
    assert.throws(() => parseOverrides(text), new RegExp(message, 'u'))
  })
})
