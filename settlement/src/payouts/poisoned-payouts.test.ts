import { expect, test } from 'vitest'
import { reconcile } from '../reconciliation/reconcile.ts'
import { openTestStore } from '../testing/database-template.ts'
import { CENT } from '../testing/market.ts'
import { openProviderMarket } from '../testing/provider-market.ts'
import { continuePayouts, runPayouts } from './payout-run.ts'
import { reversePayout } from './reverse-payout.ts'

/** More than are under way at once. */
const PROVIDERS = 10
const HOUR_MS = 3_600_000

test('a payout that cannot be booked stops no other, and no reversal', async () => {
  await using store = await openTestStore()
  await using market = await openProviderMarket(store)
  const { context, double, pacer } = market
  await market.charge(10_000n)
  const first = await market.addProvider()
  await market.earn(first, 50n * CENT)
  const { payouts: paid } = await runPayouts(context, { pacer })
  double.failNext({ operation: 'Transfers.createReversal', when: 'after', status: 503 })
  const { id: reversal } = await reversePayout(context, {
    payout: paid[0]?.id ?? '',
    cents: null,
    reason: 'paid twice',
    by: 'anna',
    idempotencyKey: 'once',
    hold: true,
  })
  for (let i = 0; i < PROVIDERS; i++) await market.earn(await market.addProvider(), 20n * CENT)
  const run = await store.gatherPayouts({
    minimumCents: 1n,
    approvalCents: 0n,
    tradersOnly: false,
    holdBack: context.terms.holdBack,
    by: 'anna',
    at: context.now(),
  })
  expect(run).toMatchObject({ payouts: PROVIDERS })
  const gathered = { after: '', limit: 100, run: run?.id ?? '' }
  const [poisoned] = await store.payouts(gathered)
  await store.executeSql(`create function poison() returns trigger language plpgsql as
    $$ begin raise exception 'poison'; end $$`)
  await store.executeSql(`create trigger poison before update on payout for each row
    when (new.state = 'paid' and new.id = '${poisoned?.id}') execute function poison()`)
  await store.approvePayoutRun(run?.id ?? '', 'bert', context.now())
  await expect(continuePayouts(context, { pacer })).rejects.toThrow()
  const states = (await store.payouts(gathered)).map(({ state }) => state)
  expect(states).toEqual(['submitted', ...Array.from({ length: PROVIDERS - 1 }, () => 'paid')])
  expect(await store.payoutReversal(reversal)).toMatchObject({ state: 'done' })
  await store.executeSql('drop trigger poison on payout')
  await continuePayouts(context, { pacer })
  expect(await store.payoutRun(run?.id ?? '')).toMatchObject({ state: 'done' })
  expect(await reconcile(context)).toMatchObject({ open: 0, explained: 0 })
})

test('a transfer for a payout that has failed meanwhile is told, and found by the reconciliation', async () => {
  await using store = await openTestStore()
  await using market = await openProviderMarket(store)
  const { context, double, pacer } = market
  const { payments } = context
  await market.charge(10_000n)
  await market.earn(await market.addProvider(), 50n * CENT)
  let made = ''
  const transfer: typeof payments.transfer = async (request) => {
    const answer = await payments.transfer(request)
    made = answer.transfer
    await store.failPayout(request.operation, 'HANSE_STRIPE_REFUSED', context.now())
    return answer
  }
  const late = new Proxy(payments, {
    get: (target, key) => (key === 'transfer' ? transfer : Reflect.get(target, key).bind(target)),
  })
  await expect(runPayouts({ ...context, payments: late }, { pacer })).rejects.toMatchObject({
    code: 'HANSE_INTERNAL',
  })
  await double.advance(HOUR_MS)
  const { differences } = await reconcile(context)
  expect(differences).toMatchObject([{ subject: made, reason: 'not-in-ledger', state: 'open' }])
})
