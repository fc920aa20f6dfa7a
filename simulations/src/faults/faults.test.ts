import { describe, expect, test } from 'vitest'
import { CONSUMER_CHEATS, PROVIDER_CHEATS } from './cheats.ts'
import { formatFailure, Tally } from './report.ts'
import { runSeed, type SeedResult } from './run-seed.ts'
import { runSeeds } from './run-seeds.ts'

const SEEDS = 300

describe('a world of faults', () => {
  test(`keeps its promises in ${SEEDS} seeds, in which everything that can go wrong does`, async () => {
    const tally = new Tally()
    await runSeeds({
      from: 0,
      count: SEEDS,
      workers: 2,
      onResult: (result) => {
        tally.add(result)
        return false
      },
    })
    const { failures, counters } = tally.summary(0)
    expect(failures.map((failure) => formatFailure(failure))).toEqual([])
    const happens = [
      'sessions',
      'quotes',
      'crash: kill',
      'crash: power-cut',
      'writes lost',
      'network: cut',
      'network: half-open cut',
      'network: bit flipped',
      'network: frame repeated',
      'network: request repeated',
      'network: reply lost',
      'settlement: booked',
      'settlement: duplicate',
      'settlement: superseded',
      'settlement: hold released',
      'settlement: rejects HANSE_RECEIPT_EQUIVOCATION',
      'settlement: rejects HANSE_RECEIPT_LIMIT',
      ...['completed', 'deadline', 'cancelled', 'engine-failed', 'receipt-refused'].flatMap(
        (reason) => [`provider ends: ${reason}`, `consumer ends: ${reason}`],
      ),
      ...PROVIDER_CHEATS.filter((cheat) => cheat !== 'ignore-policy').map(
        (cheat) => `provider cheats: ${cheat}`,
      ),
      ...CONSUMER_CHEATS.filter((cheat) => cheat !== 'double-spend').map(
        (cheat) => `consumer cheats: ${cheat}`,
      ),
    ]
    expect(happens.filter((name) => (counters[name] ?? 0) === 0)).toEqual([])
  }, 180_000)

  test('is the same each time it is run from one seed, and another from another', async () => {
    const first: SeedResult = await runSeed(7)
    const again = await runSeed(7)
    const other = await runSeed(8)
    expect(again).toEqual(first)
    expect(other.hash).not.toBe(first.hash)
  })
})
