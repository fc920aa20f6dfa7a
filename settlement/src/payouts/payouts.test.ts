import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Adjustment } from '../adjustments/adjustment.ts'
import type { SettlementStore } from '../db/store.ts'
import { accountId, LOSSES } from '../ledger/accounts.ts'
import { reconcile } from '../reconciliation/reconcile.ts'
import { contractFaults } from '../stripe/double/check-contract.ts'
import { openTestStore } from '../testing/database-template.ts'
import { CENT } from '../testing/market.ts'
import {
  openProviderMarket,
  type ProviderMarket,
  type TestProvider,
} from '../testing/provider-market.ts'
import { continuePayouts, runPayouts } from './payout-run.ts'
import { reversePayout } from './reverse-payout.ts'

// Providers' money against Stripe's double, through Stripe's own library.

const DAY_MS = 86_400_000

let store: SettlementStore
let market: ProviderMarket
beforeAll(async () => {
  store = await openTestStore()
  market = await openProviderMarket(store)
  await market.charge(100_000n)
})
afterAll(async () => {
  await market?.[Symbol.asyncDispose]()
  await store?.close()
})

/** Everybody agrees, and everything that Stripe saw was as its contract has it. */
async function settled(): Promise<void> {
  await market.deliver()
  const { open, explained, differences } = await reconcile(market.context)
  expect(
    differences.map((it) => `${it.subject}: ${it.reason}, ${it.expected}, ${it.actual}`),
  ).toEqual([])
  expect({ open, explained }).toEqual({ open: 0, explained: 0 })
  expect(await contractFaults(market.double.requests)).toEqual([])
}

const run = () => runPayouts(market.context, { pacer: market.pacer })
const earner = async (cents: bigint): Promise<TestProvider> => {
  const provider = await market.addProvider()
  await market.earn(provider, cents * CENT)
  return provider
}
const payoutsOf = async ({ peerId }: TestProvider) =>
  (await store.payouts({ after: '', limit: 100, provider: peerId })).toSorted(
    (a, b) => a.createdAt - b.createdAt,
  )
const payoutOf = async (provider: TestProvider) => {
  const [first] = await payoutsOf(provider)
  if (first === undefined) throw new Error('nothing was paid')
  return first
}
const moneyOf = async ({ peerId }: TestProvider) => {
  const { payable, heldBack, inTransit, debt } = await store.providerMoney(peerId)
  return { payable: payable / CENT, heldBack: heldBack / CENT, inTransit, debt: debt / CENT }
}

describe('runs', () => {
  test('a run of more than the limit waits for another operator, and only then is paid', async () => {
    const provider = await earner(300n)
    const strict = { ...market.context.terms, payoutApprovalCents: 299n }
    const context = { ...market.context, terms: strict }
    const { run: waiting, payouts } = await runPayouts(context, { by: 'anna', pacer: market.pacer })
    expect(waiting).toMatchObject({ state: 'gathered', payouts: 1, cents: 300n, decidedBy: null })
    expect(payouts).toEqual([])
    const id = waiting?.id ?? ''
    await expect(store.approvePayoutRun(id, 'anna', 1)).rejects.toMatchObject({
      code: 'HANSE_TWO_OPERATORS',
    })
    expect(await moneyOf(provider)).toMatchObject({ payable: 0n, inTransit: 300n * CENT })
    await store.approvePayoutRun(id, 'bert', market.context.now())
    await expect(store.cancelPayoutRun(id, 'bert', 1)).rejects.toMatchObject({
      code: 'HANSE_PAYOUT_RUN_STATE',
    })
    await continuePayouts(context, { pacer: market.pacer })
    expect(await store.payoutRun(id)).toMatchObject({ state: 'done', decidedBy: 'bert' })
    expect(await payoutsOf(provider)).toMatchObject([{ state: 'paid', cents: 300n, run: id }])
    await settled()
  })

  test('a cancelled run gives everything back, and the next one is new', async () => {
    const provider = await earner(50n)
    const context = {
      ...market.context,
      terms: { ...market.context.terms, payoutApprovalCents: 0n },
    }
    const { run: waiting } = await runPayouts(context, { by: 'anna', pacer: market.pacer })
    await store.cancelPayoutRun(waiting?.id ?? '', 'anna', market.context.now())
    expect(await moneyOf(provider)).toMatchObject({ payable: 50n, inTransit: 0n })
    await run()
    expect((await payoutsOf(provider)).map(({ state }) => state).toSorted()).toEqual([
      'failed',
      'paid',
    ])
    await settled()
  })

  test('nothing is paid to a provider on hold, also when it was gathered before', async () => {
    const provider = await earner(70n)
    const context = {
      ...market.context,
      terms: { ...market.context.terms, payoutApprovalCents: 0n },
    }
    const { run: waiting } = await runPayouts(context, { by: 'anna', pacer: market.pacer })
    const given = { provider: provider.peerId, reason: 'a question', by: 'bert', at: 1 }
    await store.holdPayouts(given)
    expect(await payoutsOf(provider)).toMatchObject([
      { state: 'failed', failure: 'HANSE_PAYOUT_HELD' },
    ])
    await store.approvePayoutRun(waiting?.id ?? '', 'bert', market.context.now())
    await run()
    expect(await payoutsOf(provider)).toHaveLength(1)
    await store.releasePayouts(provider.peerId, 'bert', market.context.now())
    await run()
    expect((await payoutsOf(provider)).filter(({ state }) => state === 'paid')).toHaveLength(1)
    await settled()
  })

  test('when Stripe’s balance is too small, the rest of the run waits, and nothing is lost', async () => {
    // Stripe keeps its fee, so it has less of a payment than the customer may spend.
    await using books = await openTestStore()
    await using poor = await openProviderMarket(books)
    await poor.charge(100n)
    const providers = [await poor.addProvider(), await poor.addProvider(), await poor.addProvider()]
    for (const provider of providers) await poor.earn(provider, 30n * CENT)
    await runPayouts(poor.context, { pacer: poor.pacer })
    const states = async () =>
      (await books.payouts({ after: '', limit: 10 })).map(({ state }) => state)
    expect((await states()).filter((state) => state === 'paid')).toHaveLength(2)
    await poor.charge(1_000n)
    await runPayouts(poor.context, { pacer: poor.pacer })
    expect((await states()).filter((state) => state === 'paid')).toHaveLength(3)
  })
})

describe('what goes wrong at Stripe', () => {
  test('an answer that was lost is found again, also after Stripe has forgotten the key', async () => {
    const provider = await earner(40n)
    market.double.failNext({ operation: 'Transfers.create', when: 'after', status: 503 })
    await run()
    expect(await payoutsOf(provider)).toMatchObject([{ state: 'submitted' }])
    await market.double.advance(25 * 3_600_000)
    await continuePayouts(market.context, { pacer: market.pacer })
    expect(await payoutsOf(provider)).toMatchObject([{ state: 'paid', cents: 40n }])
    await settled()
  })

  test('while nobody can say whether it was done, it is neither failed nor asked for again', async () => {
    const provider = await earner(41n)
    const { double, context, pacer } = market
    double.failNext({ operation: 'Transfers.create', when: 'after', status: 503 })
    await run()
    double.failNext({ operation: 'Transfers.list', when: 'before', status: 403 })
    const asked = double.requests.filter(({ operation }) => operation === 'Transfers.create').length
    await continuePayouts(context, { pacer })
    expect(await payoutsOf(provider)).toMatchObject([{ state: 'submitted' }])
    expect(
      double.requests.filter(({ operation }) => operation === 'Transfers.create'),
    ).toHaveLength(asked)
    await continuePayouts(context, { pacer })
    expect(await payoutsOf(provider)).toMatchObject([{ state: 'paid' }])
    await settled()
  })

  test('an account that lost its capability in the middle of a run is not paid, and can be paid later', async () => {
    const [lost, other] = [await earner(60n), await earner(61n)]
    await market.double.setTransfers(lost.account, 'restricted')
    await run()
    expect(await payoutsOf(lost)).toMatchObject([
      { state: 'failed', failure: 'HANSE_PROVIDER_NOT_PAYABLE' },
    ])
    expect(await payoutsOf(other)).toMatchObject([{ state: 'paid' }])
    expect((await store.provider(lost.peerId))?.payableSince).toBeNull()
    expect(await moneyOf(lost)).toMatchObject({ payable: 60n })
    await run()
    expect(await payoutsOf(lost)).toHaveLength(1)
    await market.double.setTransfers(lost.account, 'active')
    await market.deliver()
    await run()
    const payouts = await payoutsOf(lost)
    expect(payouts.map(({ state }) => state).toSorted()).toEqual(['failed', 'paid'])
    expect(new Set(payouts.map(({ id }) => id)).size).toBe(2)
    await settled()
  })

  test('a failure that is told after the success changes nothing', async () => {
    const provider = await earner(30n)
    await run()
    const [paid] = await payoutsOf(provider)
    expect(await store.failPayout(paid?.id ?? '', 'HANSE_STRIPE_REFUSED', 1)).toBe(false)
    expect(await store.completePayout(paid?.id ?? '', 'tr_other', 1)).toBe(false)
    expect(await payoutsOf(provider)).toMatchObject([{ state: 'paid', failure: null }])
    await settled()
  })
})

describe('reversals', () => {
  const ask = (payout: string, cents: bigint | null, key: string, hold = false) =>
    reversePayout(market.context, {
      payout,
      cents,
      reason: 'paid twice',
      by: 'anna',
      idempotencyKey: key,
      hold,
    })

  test('a part comes back once for a key, and what is left after it, and no more', async () => {
    const provider = await earner(100n)
    await run()
    const { id } = await payoutOf(provider)
    const [first, again] = [await ask(id, 30n, `${id}-1`), await ask(id, 30n, `${id}-1`)]
    expect(first).toMatchObject({ state: 'done', cents: 30n })
    expect(again).toEqual(first)
    await market.deliver()
    expect(await moneyOf(provider)).toMatchObject({ payable: 30n })
    await expect(ask(id, 71n, `${id}-2`)).rejects.toMatchObject({ code: 'HANSE_PAYOUT_STATE' })
    expect(await ask(id, null, `${id}-3`, true)).toMatchObject({ state: 'done', cents: 70n })
    expect(await payoutsOf(provider)).toMatchObject([{ state: 'paid', reversedCents: 100n }])
    // Without the hold, the next run would pay it again.
    await run()
    expect(await payoutsOf(provider)).toHaveLength(1)
    await settled()
    await store.releasePayouts(provider.peerId, 'anna', market.context.now())
    await run()
    expect(await payoutsOf(provider)).toHaveLength(2)
    await settled()
  })

  test('an answer that was lost is found by the webhook or by the next run, whichever is first', async () => {
    for (const first of ['webhook', 'run'] as const) {
      const provider = await earner(20n)
      await run()
      const { id } = await payoutOf(provider)
      market.double.failNext({
        operation: 'Transfers.createReversal',
        when: 'after',
        status: 503,
      })
      expect(await ask(id, 5n, `${id}-1`)).toMatchObject({ state: 'submitted' })
      if (first === 'webhook') await market.deliver()
      await continuePayouts(market.context, { pacer: market.pacer })
      await market.deliver()
      expect(await store.payoutReversals([id])).toMatchObject([{ state: 'done', cents: 5n }])
      expect(await moneyOf(provider)).toMatchObject({ payable: 5n })
      await run()
      await settled()
    }
  })

  test('what somebody reversed at Stripe is booked, also before we know that the transfer was made', async () => {
    const provider = await earner(80n)
    market.double.failNext({ operation: 'Transfers.create', when: 'after', status: 503 })
    await run()
    const { id } = await payoutOf(provider)
    const found = await market.context.payments.findTransfer({ operation: id, transferGroup: id })
    const transfer = found?.transfer ?? ''
    await market.context.payments.reverseTransfer({ transfer, cents: 80n, operation: 'by-hand' })
    await market.deliver()
    expect(await payoutsOf(provider)).toMatchObject([
      { state: 'paid', transfer, reversedCents: 80n },
    ])
    expect(await moneyOf(provider)).toMatchObject({ payable: 80n, inTransit: 0n })
    // Paid again by a new payout under a new operation.
    await run()
    expect(await payoutsOf(provider)).toMatchObject([{ cents: 80n }, { cents: 80n, state: 'paid' }])
    await settled()
  })

  test('what Stripe will not give back is a failed reversal, and moves nothing', async () => {
    const provider = await earner(25n)
    await run()
    const { id, transfer } = await payoutOf(provider)
    const by = { transfer: transfer ?? '', cents: 25n, operation: `by-hand-${id}` }
    await market.context.payments.reverseTransfer(by)
    expect(await ask(id, null, `${id}-1`)).toMatchObject({
      state: 'failed',
      failure: 'HANSE_STRIPE_REFUSED',
    })
    expect(await moneyOf(provider)).toMatchObject({ payable: 0n })
    await market.deliver()
    expect(await moneyOf(provider)).toMatchObject({ payable: 25n })
    await run()
    await settled()
  })
})

describe('at the provider’s bank', () => {
  test('what Stripe sends on is told as it is now, in whatever order the news comes', async () => {
    const provider = await earner(45n)
    await run()
    await market.double.advance(DAY_MS)
    await market.deliver()
    const [sent] = await store.bankPayouts(provider.peerId, 10)
    expect(sent).toMatchObject({ cents: 45n, failure: null })
    await market.double.advance(7 * DAY_MS)
    await market.deliver()
    expect(await store.bankPayouts(provider.peerId, 10)).toMatchObject([{ state: 'paid' }])
    const id = sent?.id ?? ''
    await market.double.failPayout(id, 'account_closed')
    await market.deliver()
    const failed = [{ state: 'failed', failure: 'account_closed' }]
    expect(await store.bankPayouts(provider.peerId, 10)).toMatchObject(failed)
    // Fetched before it failed, and stored after.
    if (sent === undefined) throw new Error('no bank payout')
    await store.applyEffects([{ kind: 'bank-payout', payout: { ...sent, state: 'paid' }, at: 1 }])
    expect(await store.bankPayouts(provider.peerId, 10)).toMatchObject(failed)
    await settled()
  })

  test('what has gone on to the bank cannot be taken back', async () => {
    const provider = await earner(46n)
    await run()
    await market.double.advance(DAY_MS)
    const { id } = await payoutOf(provider)
    const reversal = await reversePayout(market.context, {
      payout: id,
      cents: null,
      reason: 'too late',
      by: 'anna',
      idempotencyKey: id,
      hold: true,
    })
    expect(reversal).toMatchObject({
      state: 'failed',
      failure: 'HANSE_STRIPE_BALANCE_INSUFFICIENT',
    })
    expect(await moneyOf(provider)).toMatchObject({ payable: 0n })
    await settled()
  })
})

describe('debts', () => {
  const propose = (
    posting: Pick<Adjustment, 'kind' | 'debit' | 'credit' | 'amount'>,
    movement: string | null = null,
  ) => {
    const at = market.context.now()
    return store.proposeAdjustment({
      id: `ad-${randomUUID()}`,
      ...posting,
      reason: 'two receipts under one number',
      movement,
      proposedBy: 'anna',
      proposedAt: at,
      expiresAt: at + 1000,
    })
  }
  const approve = (id: string, by = 'bert') =>
    store.approveAdjustment({ id, by, note: null, at: market.context.now() })
  const owe = async (provider: TestProvider, cents: bigint) =>
    propose({
      kind: 'adjustment',
      debit: accountId('debt', provider.peerId),
      credit: accountId('available', market.tenant.organization),
      amount: cents * CENT,
    })

  test('what a provider owes is taken from what it earns, before anything is paid', async () => {
    const provider = await earner(90n)
    await run()
    const { id } = await owe(provider, 90n)
    await expect(approve(id, 'anna')).rejects.toMatchObject({ code: 'HANSE_TWO_OPERATORS' })
    await approve(id)
    await expect(approve(id)).rejects.toMatchObject({ code: 'HANSE_ADJUSTMENT_STATE' })
    expect(await moneyOf(provider)).toMatchObject({ payable: 0n, debt: 90n })
    await market.earn(provider, 40n * CENT)
    await run()
    expect(await moneyOf(provider)).toMatchObject({ payable: 0n, debt: 50n })
    await market.earn(provider, 60n * CENT)
    await run()
    expect(await moneyOf(provider)).toMatchObject({ payable: 0n, debt: 0n })
    expect(new Set((await payoutsOf(provider)).map(({ cents }) => cents))).toEqual(
      new Set([90n, 10n]),
    )
    await settled()
  })

  test('a debt is taken from what is payable at once, and written off by two, never more than it is', async () => {
    const provider = await earner(10n)
    await approve((await owe(provider, 35n)).id)
    expect(await moneyOf(provider)).toMatchObject({ payable: 0n, debt: 25n })
    const forgive = (cents: bigint) =>
      propose({
        kind: 'write_off',
        debit: LOSSES,
        credit: accountId('debt', provider.peerId),
        amount: cents * CENT,
      })
    const { id: tooMuch } = await forgive(26n)
    await expect(approve(tooMuch)).rejects.toMatchObject({ code: 'HANSE_BALANCE_INSUFFICIENT' })
    await approve((await forgive(25n)).id)
    expect(await moneyOf(provider)).toMatchObject({ debt: 0n })
    await settled()
  })

  test('nothing is adjusted that something open stands for, that does not exist, or that is too late', async () => {
    const provider = await earner(1n)
    const available = accountId('available', market.tenant.organization)
    for (const debit of [
      accountId('held', market.tenant.organization),
      accountId('held_back', provider.peerId),
      accountId('payout_in_transit', provider.peerId),
      accountId('debt', market.tenant.organization),
      accountId('payable', 'nobody'),
      accountId('revenue', 'somebody'),
    ]) {
      const asked = propose({ kind: 'adjustment', debit, credit: available, amount: CENT })
      await expect(asked).rejects.toMatchObject({ code: 'HANSE_ADJUSTMENT_ACCOUNT' })
    }
    const late = await owe(provider, 1n)
    await market.double.advance(1000)
    await expect(approve(late.id)).rejects.toMatchObject({ code: 'HANSE_ADJUSTMENT_STATE' })
    expect(await store.expireAdjustments(market.context.now())).toBeGreaterThan(0)
    await run()
    await settled()
  })
})

describe('what is held back', () => {
  test('half of a newcomer’s earnings beyond the free ones waits for two weeks, and then is paid', async () => {
    const provider = await earner(900n)
    await run()
    expect(await payoutsOf(provider)).toMatchObject([{ cents: 700n }])
    expect(await moneyOf(provider)).toMatchObject({ payable: 0n, heldBack: 200n })
    const [part] = await store.heldEarnings(provider.peerId)
    const now = market.context.now()
    expect(part).toMatchObject({ amount: 200n * CENT, shareBps: 5000 })
    expect(part?.freeAt).toBe(now + 14 * DAY_MS)
    await market.double.advance(14 * DAY_MS - 1)
    await run()
    expect(await moneyOf(provider)).toMatchObject({ heldBack: 200n })
    await market.double.advance(1)
    await run()
    expect(await moneyOf(provider)).toMatchObject({ payable: 0n, heldBack: 0n })
    expect((await payoutsOf(provider)).map(({ cents }) => cents)).toEqual([700n, 200n])
    await settled()
  })

  test('what came back of a payout is not taken for earnings', async () => {
    const provider = await earner(600n)
    await run()
    expect(await moneyOf(provider)).toMatchObject({ heldBack: 50n })
    const { id } = await payoutOf(provider)
    await reversePayout(market.context, {
      payout: id,
      cents: null,
      reason: 'a mistake',
      by: 'anna',
      idempotencyKey: id,
      hold: false,
    })
    await run()
    expect(await moneyOf(provider)).toMatchObject({ payable: 0n, heldBack: 50n })
    await settled()
  })
})
