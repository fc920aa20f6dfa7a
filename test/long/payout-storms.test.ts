import assert from 'node:assert/strict'
import { openStore } from '@hanse/settlement'
import {
  openProviderMarket,
  payoutStorm,
  startPostgres,
  type TestPostgres,
} from '@hanse/settlement/testing'
import { afterAll, beforeAll, test } from 'vitest'

let postgres: TestPostgres
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres?.[Symbol.asyncDispose]())

const SEEDS = [11, 12, 13, 14, 15, 16]

for (const seed of SEEDS) {
  const kind = seed % 2 === 0 ? 'PostgreSQL' : 'PGlite'
  test(`${kind}: a week of faults at Stripe (seed ${seed}) ends with every cent in its place`, async () => {
    const options = kind === 'PGlite' ? {} : { databaseUrl: await postgres.createDatabase() }
    await using store = await openStore(options)
    await using market = await openProviderMarket(store)
    const after = await payoutStorm(market, { seed, providers: 12, days: 7 })
    const { report, payouts } = after
    assert.deepEqual(report.differences, [])
    assert.deepEqual([report.open, report.explained], [0, 0])
    assert.equal(after.found, after.earned)
    assert.deepEqual(after.contractFaults, [])
    assert.deepEqual(
      payouts.filter(({ state }) => state === 'pending' || state === 'submitted'),
      [],
    )
    assert.ok(payouts.some(({ state }) => state === 'failed'))
    assert.ok(payouts.some(({ reversedCents }) => reversedCents > 0n))
  })
}
