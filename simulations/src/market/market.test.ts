import { describe, expect, test } from 'vitest'
import { answersOf } from './answers.ts'
import { deserialize, serialize } from './figures-file.ts'
import { estimateOf, sweepOf } from './figures-of.ts'
import { runHeldBack, runStolen, runTrade } from './held-back.ts'
import { MARKET, type MarketShape } from './plan.ts'
import { renderMarket } from './report.ts'
import { type MarketResults, type ReportPlan, runAll } from './run-all.ts'
import { runMarket } from './run-market.ts'
import type { Sweep } from './scenarios.ts'

/** They take a second or two each; where ten others want the same core, much longer. */
const TEST_MS = 180_000
const SMALL: Partial<MarketShape> = {
  providers: { home: 5, rack: 2, cloud: 1 },
  consumersEach: 1,
  rate: 0.15,
  hours: 2,
}
const plan = (seed: string, ...sweeps: Sweep[]): ReportPlan => ({
  seed,
  seeds: 2,
  sweeps,
  base: SMALL,
})
const run = (what: ReportPlan, threads = 0): Promise<MarketResults> =>
  runAll(what, () => {}, threads)

function answer(results: MarketResults, id: string): string {
  return answersOf(results).find((one) => one.id === id)?.answer ?? ''
}

describe('a report that can be had again', () => {
  test(
    'the same seed gives the same report, byte for byte, here and in other threads',
    async () => {
      const report = async (seed: string, threads: number) => {
        const results = await run(plan(seed, 'base', 'leave', 'explore'), threads)
        return serialize(results) + renderMarket(results, 'header')
      }
      const first = await report('a', 0)
      expect(await report('a', 2)).toBe(first)
      expect(await report('b', 0)).not.toBe(first)
    },
    TEST_MS,
  )

  test(
    'what is written can be read again',
    async () => {
      const results = await run(plan('file', 'base'))
      expect(deserialize(serialize(results))).toEqual(results)
    },
    TEST_MS,
  )

  test(
    'a question that was not simulated has no answer',
    async () => {
      const results = await run(plan('some', 'pricing'))
      const asked = answersOf(results).map(({ id }) => id)
      expect(asked).toContain('pricing')
      expect(asked).not.toContain('fee')
      expect(asked).not.toContain('leave')
    },
    TEST_MS,
  )
})

describe('a rule that is broken shows', () => {
  test(
    'without the price floor, tokens are sold for less than their power',
    async () => {
      const results = await run(plan('floor', 'base', 'floor'))
      const [kept] = sweepOf(results, 'base')
      const [broken] = sweepOf(results, 'floor')
      if (kept === undefined || broken === undefined) throw new Error('not simulated')
      const below = (scenario: typeof kept) =>
        estimateOf(scenario, (one) => one.belowPowerShare).mean
      expect(below(broken)).toBeGreaterThan(below(kept) + 0.02)
      expect(renderMarket(results, '')).toContain(answer(results, 'floor').slice(0, 40))
    },
    TEST_MS,
  )

  test(
    'where windows are not reset a default costs more, and without windows more still',
    async () => {
      const results = await run(plan('windows', 'base', 'windows', 'memory'))
      const [reset = 0, kept = 0, none = 0] = sweepOf(results, 'windows').map(
        (scenario) => estimateOf(scenario, ({ withheld }) => withheld.ofAsked).mean,
      )
      expect(reset).toBeGreaterThan(0.3)
      expect(kept).toBeGreaterThan(reset + 0.05)
      expect(none).toBeGreaterThan(kept)
      expect(answer(results, 'windows')).toContain(`(${(100 * reset).toFixed(0)}`)
      // Where nobody remembers, the same ones take whole answers again and again.
      const taken = (sweep: Sweep) => {
        const [first] = sweepOf(results, sweep)
        if (first === undefined) throw new Error('not simulated')
        return {
          answers: estimateOf(first, ({ withheld }) => withheld.freeAnswers).mean,
          eur: estimateOf(first, ({ withheld }) => withheld.eur).mean,
        }
      }
      const [forgotten, remembered] = [taken('windows'), taken('memory')]
      expect(forgotten.answers).toBeGreaterThan(4 * remembered.answers)
      expect(forgotten.eur).toBeGreaterThan(2 * remembered.eur)
      expect(answer(results, 'windows')).toContain('Since providers remember')
    },
    TEST_MS,
  )

  test('without the trust ramp one with a stolen card keeps everything', () => {
    const keeps = (schedule: string, days: number) => {
      const row = runStolen().find(
        (one) => one.schedule === schedule && one.perDay === 20 && one.chargebackDays === days,
      )
      return (row?.paidOut ?? 0) / (row?.earned ?? 1)
    }
    expect(keeps('none', 7)).toBe(1)
    expect(keeps('as it is', 7)).toBeLessThan(0.6)
    expect(keeps('as it is', 30)).toBeGreaterThan(0.8)
    expect(keeps('twice as long', 30)).toBeLessThan(keeps('as it is', 30))
    expect(keeps('until 120 days', 60)).toBeLessThan(keeps('twice as long', 60))
  })

  test('a schedule that holds more back takes more from a thief, and costs the honest more', () => {
    const rows = runTrade()
    for (const perDay of [5, 20, 100, 500]) {
      const [none, now, twice, long] = ['none', 'as it is', 'twice as long', 'until 120 days'].map(
        (schedule) => rows.find((row) => row.schedule === schedule && row.perDay === perDay),
      )
      if (!none || !now || !twice || !long) throw new Error('not compared')
      expect(none).toMatchObject({ cost: 0, paysFrom: undefined })
      expect(none.keeps).toBeCloseTo(1, 9)
      expect([none.keeps, now.keeps, twice.keeps]).toEqual(
        [none.keeps, now.keeps, twice.keeps].toSorted((a, b) => b - a),
      )
      expect(long.cost).toBeGreaterThan(now.cost)
      const { paysFrom = Number.NaN } = long
      // At that share of stolen money both are worth the same.
      const worth = (row: typeof long) => (1 - paysFrom) * row.cost + paysFrom * row.keeps
      expect(worth(long)).toBeCloseTo(worth(now), 9)
    }
  })
})

describe('what follows from the rules', () => {
  test('an honest newcomer gets all of it in the end, and without a schedule nothing waits', () => {
    const held = runHeldBack({ home: 1, rack: 3, cloud: 20 })
    for (const row of held) {
      expect(row.meanWait).toBeLessThan(row.schedule === 'until 120 days' ? 60 : 14)
      if (row.schedule === 'none') expect(row.mostWaiting).toBe(0)
      else expect(row.mostWaiting).toBeGreaterThan(0)
    }
  })

  test(
    'what consumers pay is what providers earn, and a quarter of it is the platform’s',
    async () => {
      const outcome = await runMarket({ ...MARKET, ...SMALL, seed: 'one', hours: 1 })
      expect(outcome.requests).toBeGreaterThan(200)
      expect(outcome.answered).toBeGreaterThan(0.5)
      const spent = Object.values(outcome.groups).reduce(
        (sum, group) => sum + group.eurPerThousand * group.requests * group.answered,
        0,
      )
      // What consumers paid is what providers earned, but for checks, which are paid beside it.
      expect(outcome.volume * 1000).toBeGreaterThanOrEqual(spent * 0.999)
      expect(outcome.volume * 1000).toBeLessThan(spent * 1.15)
      expect(outcome.fees).toBeCloseTo(outcome.volume / 4, 6)
    },
    TEST_MS,
  )

  test(
    'a fee of nothing leaves nothing to the platform',
    async () => {
      const outcome = await runMarket({ ...MARKET, ...SMALL, seed: 'free', hours: 1, feeBps: 0 })
      expect(outcome.fees).toBe(0)
    },
    TEST_MS,
  )
})
