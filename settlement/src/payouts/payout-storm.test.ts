import { expect, test } from 'vitest'
import { openTestStore } from '../testing/database-template.ts'
import { payoutStorm } from '../testing/payout-storm.ts'
import { openProviderMarket } from '../testing/provider-market.ts'

test('after days of faults at Stripe every payout is settled, all sides agree, and no cent is missing', async () => {
  await using store = await openTestStore()
  await using market = await openProviderMarket(store)
  const after = await payoutStorm(market, { seed: 1, providers: 5, days: 2 })
  const { report, payouts } = after
  expect(report.differences).toEqual([])
  expect(report).toMatchObject({ open: 0, explained: 0 })
  expect(after.found).toBe(after.earned)
  expect(after.contractFaults).toEqual([])
  expect(payouts.filter(({ state }) => state === 'pending' || state === 'submitted')).toEqual([])
  // It was a storm: some of it failed or came back, and most was paid.
  const spoilt = payouts.filter((row) => row.state === 'failed' || row.reversedCents > 0n)
  expect(spoilt.length).toBeGreaterThan(0)
  expect(after.happened.get('deauthorized')).toBe(1)
}, 120_000)
