import assert from 'node:assert/strict'
import { describe, expect, test } from 'vitest'
import { Random } from '../kernel/random.ts'
import { outcomeOf } from './ask.ts'
import type { Books, Kept } from './books.ts'
import { nextDeparture } from './churn.ts'
import { type Growing, grow } from './grow.ts'
import { Histogram } from './histogram.ts'
import { MemoryWatch, pooledSlope } from './memory.ts'
import { best, brokenBy, goesOn, type Step } from './ramp.ts'
import { reconcile } from './reconcile.ts'
import { Tally } from './tally.ts'

describe('a histogram', () => {
  test('says percentiles within a fortieth, of any number of values', () => {
    const histogram = new Histogram()
    for (let ms = 1; ms <= 1_000; ms++) histogram.add(ms)
    for (const [share, ms] of [
      [0.5, 500],
      [0.95, 950],
      [0.99, 990],
    ] as const) {
      const found = histogram.percentile(share) ?? Number.NaN
      assert.ok(Math.abs(found / ms - 1) <= 0.026, `${share}: ${found}`)
    }
    assert.equal(histogram.count, 1_000)
  })

  test('says nothing of none, and takes what is beyond its ends', () => {
    const histogram = new Histogram()
    assert.equal(histogram.percentile(0.5), undefined)
    histogram.add(0)
    histogram.add(1e12)
    expect(histogram.percentile(0)).toBeLessThan(0.11)
    expect(histogram.percentile(1)).toBeGreaterThan(30 * 60_000 * 0.9)
  })
})

describe('churn', () => {
  const four = ['a', 'b', 'c', 'd']
  const departures = (seed: number) => {
    const random = new Random(`load ${seed}`)
    return Array.from({ length: 20 }, (_, turn) => nextDeparture(random, turn, four, 4, 10))
  }

  test('is the same for a seed, kills and sends away in turns, and is of the length that was asked for', () => {
    assert.deepEqual(departures(1), departures(1))
    assert.notDeepEqual(departures(1), departures(2))
    for (const [turn, departure] of departures(1).entries()) {
      assert.equal(departure?.how, turn % 2 === 0 ? 'kill' : 'leave')
      assert.ok(departure.afterSeconds >= 5 && departure.afterSeconds < 15)
      assert.ok(departure.awaySeconds >= 3 && departure.awaySeconds < 13)
    }
  })

  test('leaves half of them, and always one', () => {
    const random = new Random('x')
    assert.equal(nextDeparture(random, 0, ['a', 'b'], 4, 10), undefined)
    assert.notEqual(nextDeparture(random, 0, ['a', 'b', 'c'], 4, 10), undefined)
    assert.equal(nextDeparture(random, 0, ['a'], 1, 10), undefined)
    assert.notEqual(nextDeparture(random, 0, ['a', 'b'], 2, 10), undefined)
  })
})

describe('a ramp', () => {
  const step = (atOnce: number, sessionsPerSecond: number, changes: Partial<Step> = {}): Step => ({
    atOnce,
    sessionsPerSecond,
    providers: 4,
    consumers: 2,
    firstTokenP95Ms: 100,
    failedShare: 0,
    memoryFreeShare: 0.5,
    ...changes,
  })

  test('goes on while a step holds and brings a tenth more', () => {
    assert.ok(goesOn([]))
    assert.ok(goesOn([step(2, 3)]))
    assert.ok(goesOn([step(2, 3), step(4, 6)]))
    assert.ok(!goesOn([step(2, 3), step(4, 3.2)]))
    assert.ok(!goesOn([step(2, 3), step(4, 6, { firstTokenP95Ms: 1_001 })]))
  })

  test('says what a step broke', () => {
    assert.equal(brokenBy(step(2, 3)), undefined)
    assert.equal(brokenBy({ ...step(2, 0), firstTokenP95Ms: undefined }), 'firstTokenP95Ms')
    assert.equal(brokenBy(step(2, 3, { failedShare: 0.02 })), 'failedShareMost')
    assert.equal(brokenBy(step(2, 3, { memoryFreeShare: 0.1 })), 'memoryFreeShareLeast')
  })

  test('takes the fastest step that held, or the smallest when none did', () => {
    const slow = { firstTokenP95Ms: 2_000 }
    assert.equal(best([step(2, 3), step(4, 6), step(8, 9, slow)])?.atOnce, 4)
    assert.equal(best([step(2, 3, slow), step(4, 6, slow)])?.atOnce, 2)
  })
})

describe('a network that grows', () => {
  /** A machine that holds eight providers, and gives no more than 40 sessions a second. */
  const machine = () => {
    const providers: string[] = []
    const gateways = new Map([['gateway', 'url']])
    const told: string[] = []
    const growing: Growing = {
      network: {
        providers,
        gateways,
        addProvider: async () => void providers.push(`provider-${providers.length}`),
        addConsumer: async () => void gateways.set(`consumer-${gateways.size}`, 'url'),
        untilFound: async () => {},
        shrink: async (keep, consumers) => {
          providers.splice(keep)
          for (const name of [...gateways.keys()].slice(consumers)) gateways.delete(name)
        },
      },
      measure: async (atOnce) => ({
        atOnce,
        providers: providers.length,
        consumers: gateways.size,
        sessionsPerSecond: Math.min(40, atOnce),
        firstTokenP95Ms: providers.length > 8 ? 1_500 : 50,
        failedShare: 0,
        memoryFreeShare: 0.5,
      }),
      rest: async () => {},
      signal: new AbortController().signal,
      tell: (text) => void told.push(text),
    }
    return { growing, providers, gateways, told }
  }
  const plan = { seed: 0, minutes: 1, churnSeconds: 5 }

  test('is as large as the machine holds, and asked for less than it gives at most', async () => {
    const { growing, providers, gateways } = machine()
    const { networks, loads, atOnce } = await grow(growing, plan)
    assert.deepEqual(
      networks.map((each) => [each.providers, each.consumers]),
      [
        [2, 1],
        [4, 2],
        [8, 4],
        [16, 8],
      ],
    )
    assert.deepEqual([providers.length, gateways.size], [8, 4], 'the last step did not hold')
    assert.deepEqual(
      loads.map((each) => each.atOnce),
      [8, 16, 32, 64, 128],
    )
    assert.equal(atOnce, 45, 'of the 64 that gave most')
  })

  test('is as large as was asked for, without measuring', async () => {
    const { growing, providers, gateways } = machine()
    const grown = await grow(growing, { ...plan, providers: 3, consumers: 2, atOnce: 5 })
    assert.deepEqual(grown, { networks: [], loads: [], atOnce: 5 })
    assert.deepEqual([providers.length, gateways.size], [3, 2])
  })

  test('never grows beyond what was asked for of one side', async () => {
    const { growing, providers, gateways } = machine()
    await grow(growing, { ...plan, providers: 3 })
    assert.equal(providers.length, 3)
    assert.equal(gateways.size, 32)
  })

  test('stops at once when it is told to', async () => {
    const { growing, providers } = machine()
    const { networks, loads } = await grow({ ...growing, signal: AbortSignal.abort() }, plan)
    assert.deepEqual([networks, loads, providers], [[], [], []])
  })
})

describe('books', () => {
  const kept = (owner: string, peer: string, amount: bigint, hasEnded = true): Kept => ({
    owner,
    peer,
    amount,
    hasEnded,
  })
  const books = (changes: Partial<Books> = {}): Books => ({
    consumers: new Map([
      ['s1', kept('gateway', 'P1', 10n)],
      ['s2', kept('gateway', 'P2', 5n)],
      ['unpaid', kept('gateway', 'P2', 0n)],
    ]),
    providers: new Map([
      ['s1', kept('provider-1', 'G', 10n)],
      ['s2', kept('provider-2', 'G', 5n)],
    ]),
    settled: new Map([
      ['s1', 10n],
      ['s2', 5n],
    ]),
    ledger: 15n,
    untold: [],
    ...changes,
  })
  const none = new Set<string>()
  const faults = (changes: Partial<Books>, killed = none) =>
    reconcile(books(changes), killed).differences.join('; ')

  test('that agree have no difference, and sums that are the same', () => {
    assert.deepEqual(reconcile(books(), none), {
      paidSessions: 2,
      consumers: '15',
      providers: '15',
      settled: '15',
      ledger: '15',
      cutByKills: { sessions: 0, amount: '0' },
      differences: [],
    })
  })

  test('show a receipt that settlement lost, and one that it booked too high or of nobody', () => {
    const lost = faults({ settled: new Map([['s1', 10n]]), ledger: 10n })
    assert.match(lost, /s2: gateway signed 5, booked 0/u)
    const high = new Map([...books().settled, ['s1', 11n] as const])
    assert.match(faults({ settled: high, ledger: 16n }), /s1: gateway signed 10, booked 11/u)
    const strange = new Map([...books().settled, ['s3', 1n] as const])
    assert.match(faults({ settled: strange, ledger: 16n }), /s3: booked, bought by nobody/u)
    assert.match(faults({ ledger: 14n }), /ledger holds 14, sessions add up to 15/u)
  })

  test('show a provider that has more than was signed, less than was signed, or what nobody bought', () => {
    const sold = (amount: bigint) =>
      new Map([...books().providers, ['s1', kept('provider-1', 'G', amount)] as const])
    assert.match(faults({ providers: sold(11n) }), /provider-1 has 1 more/u)
    assert.match(faults({ providers: sold(8n) }), /provider-1 lacks 2/u)
    const strange = new Map([...books().providers, ['s9', kept('provider-1', 'G', 1n)] as const])
    assert.match(faults({ providers: strange }), /s9: sold by provider-1, bought by nobody/u)
    const [first] = [...books().providers]
    assert.match(faults({ providers: new Map(first && [first]) }), /s2: .* no provider knows/u)
  })

  test('forgive a provider that was killed the receipts that never reached its disk, and say how much that was', () => {
    const sold = new Map([...books().providers, ['s1', kept('provider-1', 'G', 7n)] as const])
    const { differences, cutByKills } = reconcile(books({ providers: sold }), new Set(['P1']))
    assert.deepEqual(differences, [])
    assert.deepEqual(cutByKills, { sessions: 1, amount: '3' })
    const more = new Map([...books().providers, ['s1', kept('provider-1', 'G', 12n)] as const])
    assert.match(faults({ providers: more }, new Set(['P1'])), /has 2 more/u)
  })

  test('show sessions that never end, and what settlement refused or never heard', () => {
    const open = new Map([...books().consumers, ['s1', kept('gateway', 'P1', 10n, false)] as const])
    assert.match(faults({ consumers: open }), /s1: open at gateway/u)
    const untold = [
      { owner: 'provider-1', session: 's1', refused: 'HANSE_RECEIPT_LATE' },
      { owner: 'gateway', session: 's2', refused: undefined },
    ]
    assert.match(faults({ untold }), /was HANSE_RECEIPT_LATE by.*gateway was not heard/u)
  })
})

describe('what is counted', () => {
  test('tells sessions that were served from those that failed, by code', () => {
    const tally = new Tally()
    tally.add({ outcome: 'served', firstTokenMs: 10, wholeMs: 100 })
    tally.add({ outcome: 'HANSE_NO_PROVIDER', firstTokenMs: undefined, wholeMs: 5 })
    tally.add({ outcome: 'HANSE_NO_PROVIDER', firstTokenMs: undefined, wholeMs: 5 })
    tally.add({ outcome: 'broken off', firstTokenMs: 12, wholeMs: 50 })
    const { sessions, failures, failedShare, whole } = tally.figures()
    assert.equal(sessions, 1)
    assert.deepEqual(failures, { HANSE_NO_PROVIDER: 2, 'broken off': 1 })
    assert.equal(failedShare, 0.75)
    expect(whole.p50).toBeGreaterThan(95)
    expect(whole.p50).toBeLessThan(105)
  })

  test('an answer is whole with its last line, failed with a code, else broken off', () => {
    assert.equal(outcomeOf('data: {"choices":[]}\n\ndata: [DONE]\n\n'), 'served')
    assert.equal(outcomeOf('{"error":{"code":"HANSE_NO_PROVIDER"}}'), 'HANSE_NO_PROVIDER')
    assert.equal(outcomeOf('data: {"choices":[]}\n\n'), 'broken off')
  })
})

describe('memory', () => {
  test('of several processes has one slope, whatever the level of each', () => {
    const line = (level: number, perMinute: number, from: number) =>
      Array.from({ length: 20 }, (_, i) => ({
        seconds: from + i * 30,
        value: level + (perMinute * i) / 2,
      }))
    const slope = pooledSlope([line(100, 1, 0), line(300, 1, 900), line(50, 1, 40)])
    expect(slope?.perMinute).toBeCloseTo(1, 6)
    expect(pooledSlope([line(100, 2, 0), line(300, -2, 900)])?.perMinute).toBeCloseTo(0, 6)
    assert.equal(pooledSlope([[], []]), null)
  })

  test('is told by kind, of the processes that are there', () => {
    const watch = new MemoryWatch()
    const MIB = 2 ** 20
    for (const [pid, rss] of [
      [1, 100],
      [2, 300],
    ] as const)
      watch.hear('provider', pid, 'memory', { rss: rss * MIB })
    watch.hear('provider', 1, 'live-heap', { heapUsed: 40 * MIB })
    watch.hear('relay', 3, 'ready', {})
    const [row, ...others] = watch.rows()
    assert.deepEqual(others, [])
    expect(row).toMatchObject({ kind: 'provider', processes: 2, rssMost: 300, heapMedian: 40 })
    watch.forget(2)
    expect(watch.rows()[0]).toMatchObject({ processes: 1, rssMost: 100 })
    assert.deepEqual(watch.most(), { provider: 300 })
  })
})
