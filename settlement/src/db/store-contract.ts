import { picoEuro } from '@hanse/protocol'
import { describe, expect, test } from 'vitest'
import { runPayouts } from '../payouts/payout-run.ts'
import { ingest } from '../receipts/ingest.ts'
import type { Submission } from '../receipts/submission.ts'
import { type DealTerms, makeDeal } from '../testing/deals.ts'
import {
  addProvider,
  addTenant,
  CENT,
  hold,
  NETWORK,
  type TestContext,
  testContext,
} from '../testing/market.ts'
import type { SettlementStore } from './store.ts'

/** What every store keeps of receipts and payouts. `open` gives the same database, perhaps on another connection. */
export function storeContract(name: string, open: () => Promise<SettlementStore>): void {
  const setUp = async (limit: bigint = 100n * CENT) => {
    const context = testContext(await open())
    const tenant = await addTenant(context, 100n)
    const provider = await addProvider(context)
    const authorization = await hold(context, tenant, provider, limit)
    const deal = (changes: Partial<DealTerms> = {}) =>
      makeDeal({
        network: NETWORK,
        consumer: tenant.consumer,
        provider,
        at: context.now(),
        authorization,
        ...changes,
      })
    return { context, tenant, provider, deal }
  }
  const statuses = async (context: TestContext, items: Submission[]) =>
    (await ingest(context, items)).map((result) => ('code' in result ? result.code : result.status))

  describe(`${name}: receipts`, () => {
    test('only the increase of a session is booked, and the fee is a quarter of the total', async () => {
      const { context, tenant, provider, deal } = await setUp()
      const { store } = context
      const before = await store.revenue()
      const { submission, session } = deal()
      expect(await ingest(context, [submission(0, 5)])).toMatchObject([
        { status: 'booked', increase: 2_000_000n },
      ])
      expect(await ingest(context, [submission(1, 11)])).toMatchObject([
        { status: 'booked', increase: 1_200_000n },
      ])
      expect((await store.providerBalance(provider.peerId)).payable).toBe(2_400_000n)
      expect((await store.revenue()) - before).toBe(800_000n)
      expect((await store.balance(tenant.organization)).held).toBe(100n * CENT - 3_200_000n)
      expect(await store.session(session)).toMatchObject({
        amount: 3_200_000n,
        sequence: 1n,
        outputTokens: 11n,
      })
      expect(await store.ledgerCheck()).toMatchObject({ balanced: true, differences: [] })
    })

    test('the same batch ten times, in any order, from two processes at once, books once', async () => {
      const { context, provider, deal } = await setUp()
      const other = { ...context, store: await open() }
      const items = Array.from({ length: 6 }, () => deal().submission(0, 5))
      const batches = Array.from({ length: 10 }, (_, i) =>
        ingest(i % 2 === 0 ? context : other, i % 3 === 0 ? [...items].reverse() : items),
      )
      const results = (await Promise.all(batches)).flat()
      expect(results.filter(({ status }) => status === 'booked')).toHaveLength(6)
      expect(results.filter(({ status }) => status === 'duplicate')).toHaveLength(54)
      expect((await context.store.providerBalance(provider.peerId)).payable).toBe(6n * 1_500_000n)
      expect(await context.store.ledgerCheck()).toMatchObject({ balanced: true })
    })

    test('an older receipt is superseded, wherever it comes from', async () => {
      const { context, deal } = await setUp()
      const { submission } = deal()
      const old = submission(1, 5)
      expect(await statuses(context, [submission(2, 9), old, old])).toEqual([
        'booked',
        'superseded',
        'duplicate',
      ])
    })

    test('two receipts under one number are kept as evidence, and the second is rejected', async () => {
      const { context, deal } = await setUp()
      const { submission, session } = deal()
      expect(await statuses(context, [submission(0, 5), submission(0, 6)])).toEqual([
        'booked',
        'HANSE_RECEIPT_EQUIVOCATION',
      ])
      expect(await statuses(context, [submission(0, 6)])).toEqual(['HANSE_RECEIPT_EQUIVOCATION'])
      expect(await context.store.receiptConflicts(session)).toHaveLength(1)
    })

    test('nothing is booked beyond the authorization, by however many sessions at once', async () => {
      const { context, provider, deal } = await setUp(5_000_000n)
      const results = await Promise.all(
        Array.from({ length: 6 }, () => statuses(context, [deal().submission(0, 5)])),
      )
      expect(results.flat().toSorted()).toEqual([
        ...Array.from({ length: 4 }, () => 'HANSE_RECEIPT_LIMIT'),
        'booked',
        'booked',
      ])
      expect((await context.store.providerBalance(provider.peerId)).payable).toBe(3_000_000n)
      expect(await context.store.ledgerCheck()).toMatchObject({ balanced: true })
    })

    test('a bad item never fails its neighbours', async () => {
      const { context, tenant, provider, deal } = await setUp()
      const good = deal()
      const spoiled = good.submission(0, 5)
      const [first, second] = spoiled.receipt.signatures
      if (first === undefined || second === undefined) throw new Error('not doubly signed')
      const forged = { ...second, signature: first.signature }
      const terms = { network: NETWORK, consumer: tenant.consumer, provider, at: context.now() }
      expect(
        await statuses(context, [
          { ...spoiled, receipt: { ...spoiled.receipt, signatures: [first, forged] } },
          { ...spoiled, receipt: { ...spoiled.receipt, signatures: [first] } },
          { ...spoiled, acceptance: deal().acceptance },
          makeDeal(terms).submission(0, 5),
          good.submission(0, 5),
        ]),
      ).toEqual([
        'HANSE_SIGNATURE_INVALID',
        'HANSE_SIGNATURE_MISSING',
        'HANSE_RECEIPT_LINK',
        'HANSE_AUTHORIZATION_REQUIRED',
        'booked',
      ])
    })

    test('a session whose provider is outside the order’s region is not paid', async () => {
      const { context, deal } = await setUp()
      const where = (allow: string[]) => deal({ residency: { allow, minLevel: 3 } })
      expect(
        await statuses(context, [where(['FR']).submission(0, 1), where(['EU']).submission(0, 1)]),
      ).toEqual(['HANSE_POLICY_RESIDENCY', 'booked'])
    })

    test('free sessions need no authorization and post nothing', async () => {
      const { context, tenant, provider } = await setUp()
      const price = picoEuro(0n)
      const terms = { network: NETWORK, consumer: tenant.consumer, provider, at: context.now() }
      const deal = makeDeal({ ...terms, inputPrice: price, outputPrice: price })
      expect(await ingest(context, [deal.submission(0, 5)])).toMatchObject([
        { status: 'booked', increase: 0n },
      ])
      expect(await context.store.session(deal.session)).toMatchObject({ amount: 0n })
      expect(await context.store.ledgerCheck()).toMatchObject({ balanced: true })
    })

    test('receipts are refused after the grace, and after their hold was given back', async () => {
      const { context, deal } = await setUp()
      const early = deal()
      context.clock.now += context.terms.receiptGraceMs + 200_000
      expect(await statuses(context, [early.submission(0, 5)])).toEqual(['HANSE_RECEIPT_EXPIRED'])
      expect(await statuses(context, [deal().submission(0, 5)])).toEqual([
        'HANSE_AUTHORIZATION_EXPIRED',
      ])
    })
  })

  describe(`${name}: payouts`, () => {
    const earn = async () => {
      const { context, provider, deal } = await setUp()
      // 3 cents and a bit after the fee.
      await ingest(context, [deal().submission(0, 200_007)])
      return { context, provider }
    }
    const states = async (context: TestContext, provider: string) =>
      (await context.store.payouts({ after: '', limit: 10, provider })).map(
        ({ state, cents }) => `${state} ${cents}`,
      )

    test('whole cents are paid once, by two runs at once; the rest stays payable', async () => {
      const { context, provider } = await earn()
      const other = { ...context, store: await open() }
      await Promise.all([runPayouts(context), runPayouts(other)])
      expect(await states(context, provider.peerId)).toEqual(['paid 3'])
      expect(context.fake.transfers.size).toBe(context.fake.calls)
      const { payable, inTransit } = await context.store.providerBalance(provider.peerId)
      expect(payable).toBe(((200_007n * 200_000n + 1_000_000n) * 3n) / 4n - 3n * CENT)
      expect(inTransit).toBe(0n)
      expect(await context.store.ledgerCheck()).toMatchObject({ balanced: true, differences: [] })
    })

    test('an answer that was lost is found again, and nothing is paid twice', async () => {
      const { context, provider } = await earn()
      context.fake.fates = ['lost']
      await runPayouts(context)
      expect(await states(context, provider.peerId)).toEqual(['submitted 3'])
      expect((await context.store.providerBalance(provider.peerId)).inTransit).toBe(3n * CENT)
      expect(await context.store.ledgerCheck()).toMatchObject({ balanced: true })
      await runPayouts(context)
      expect(await states(context, provider.peerId)).toEqual(['paid 3'])
      expect(context.fake.paidCents).toBe(3n)
      expect(await context.store.ledgerCheck()).toMatchObject({ balanced: true })
    })

    test('a refusal gives the money back, and the next run is a new payout', async () => {
      const { context, provider } = await earn()
      context.fake.fates = ['refused']
      await runPayouts(context)
      expect(await states(context, provider.peerId)).toEqual(['failed 3'])
      expect((await context.store.providerBalance(provider.peerId)).payable > 3n * CENT).toBe(true)
      await runPayouts(context)
      expect((await states(context, provider.peerId)).toSorted()).toEqual(['failed 3', 'paid 3'])
      expect(await context.store.ledgerCheck()).toMatchObject({ balanced: true })
    })

    test('less than the minimum waits', async () => {
      const { context, provider } = await earn()
      const picky = { ...context, terms: { ...context.terms, payoutMinimumCents: 4n } }
      await runPayouts(picky)
      expect(await states(context, provider.peerId)).toEqual([])
    })
  })
}
