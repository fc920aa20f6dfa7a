import { randomUUID } from 'node:crypto'
import { picoEuro } from '@hanse/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PGliteStore } from '../db/pglite.ts'
import { type AccountId, CLEARING, LOSSES, REVENUE } from '../ledger/accounts.ts'
import { continuePayouts, runPayouts } from '../payouts/payout-run.ts'
import { openTestStore } from '../testing/database-template.ts'
import { CENT } from '../testing/market.ts'
import { openProviderMarket, type ProviderMarket } from '../testing/provider-market.ts'
import { reconcile } from './reconcile.ts'

let store: PGliteStore
let market: ProviderMarket
beforeAll(async () => {
  store = await openTestStore()
  market = await openProviderMarket(store)
  await market.charge(50_000n)
})
afterAll(async () => {
  await market?.[Symbol.asyncDispose]()
  await store?.close()
})

const HOUR_MS = 3_600_000
const told = async (whole = false) => {
  const { open, explained, differences } = await reconcile(market.context, { whole })
  const list = differences.map(
    ({ subject, expected, actual, reason, state }) =>
      `${state}: ${reason} ${subject} ${expected} ${actual}`,
  )
  return { open, explained, list }
}
const NOTHING = { open: 0, explained: 0, list: [] }
const run = () => runPayouts(market.context, { pacer: market.pacer })

/** Two operators post it. */
async function adjust(
  debit: AccountId,
  credit: AccountId,
  cents: bigint,
  movement: string | null,
): Promise<string> {
  const at = market.context.now()
  const { id } = await store.proposeAdjustment({
    id: `ad-${randomUUID()}`,
    kind: 'adjustment',
    debit,
    credit,
    amount: picoEuro(cents * CENT),
    reason: 'a test',
    movement,
    proposedBy: 'anna',
    proposedAt: at,
    expiresAt: at + HOUR_MS,
  })
  await store.approveAdjustment({ id, by: 'bert', note: null, at })
  return id
}

test('payments, fees and payouts agree, incrementally and as a whole', async () => {
  const provider = await market.addProvider()
  await market.earn(provider, 123n * CENT)
  await run()
  await market.deliver()
  expect(await told()).toEqual(NOTHING)
  expect(await told(true)).toEqual(NOTHING)
  const kept = await store.reconciliations({ limit: 10 })
  const whole = kept.find((it) => it.whole)
  expect(whole).toMatchObject({ movements: 2, open: 0 })
  expect(whole?.ledgerCents).toBe(whole?.stripeCents)
})

test('what is not new is not fetched again, but for the overlap', async () => {
  await market.double.advance(72 * HOUR_MS)
  await market.charge(100n)
  await reconcile(market.context)
  const { movements } = await reconcile(market.context)
  expect(movements).toBe(1)
  expect((await reconcile(market.context, { whole: true })).movements).toBe(3)
})

test('an answer that has not come explains what it leaves behind, until it comes', async () => {
  const provider = await market.addProvider()
  await market.earn(provider, 55n * CENT)
  market.double.failNext({ operation: 'Transfers.create', when: 'after', status: 503 })
  await run()
  await market.double.advance(HOUR_MS)
  const { open, explained, list } = await told()
  expect({ open, explained }).toEqual({ open: 0, explained: 1 })
  expect(list[0]).toMatch(/^explained: in-flight tr_\w+ 0 -55$/u)
  await continuePayouts(market.context, { pacer: market.pacer })
  expect(await told()).toEqual(NOTHING)
})

test('money that somebody moved at Stripe is found, and gone once two operators have booked it', async () => {
  const provider = await market.addProvider()
  const { account } = provider
  const by = { account, cents: 77n, operation: 'by-hand', transferGroup: 'by-hand' }
  const { transfer } = await market.context.payments.transfer(by)
  expect(await told()).toEqual({
    open: 0,
    explained: 1,
    list: [`explained: just-now ${transfer} 0 -77`],
  })
  await market.double.advance(HOUR_MS)
  expect(await told()).toEqual({
    open: 1,
    explained: 0,
    list: [`open: not-in-ledger ${transfer} 0 -77`],
  })
  const { id = '' } = (await movementsAtStripe()).find(({ source }) => source === transfer) ?? {}
  await adjust(LOSSES, CLEARING, 77n, id)
  expect(await told()).toEqual(NOTHING)
  expect(await told(true)).toEqual(NOTHING)
})

test('a posting that Stripe knows nothing of stays open until somebody says why it is right', async () => {
  const id = await adjust(CLEARING, REVENUE, 12n, null)
  await market.double.advance(HOUR_MS)
  const open = { open: 1, explained: 0, list: [`open: not-at-stripe ${id} 12 0`] }
  expect(await told()).toEqual(open)
  expect(await told()).toEqual(open)
  const [difference] = await store.differences({ outstanding: true, limit: 10 })
  const at = market.context.now()
  const done = await store.resolveDifference(difference?.id ?? '', 'a test of ours', 'anna', at)
  expect(done).toMatchObject({ state: 'resolved', resolvedBy: 'anna', note: 'a test of ours' })
  expect(await told(true)).toEqual(NOTHING)
  await adjust(REVENUE, CLEARING, 12n, null)
  await market.double.advance(HOUR_MS)
  const opened = await told()
  expect(opened.open).toBe(1)
  for (const { id: other } of await store.differences({ outstanding: true, limit: 10 })) {
    await store.resolveDifference(other, 'its counterpart', 'anna', at)
  }
})

test('what Stripe pays to the platform’s bank is booked by the movement alone', async () => {
  const before = await market.context.payments.balance()
  await market.context.payments.createPayout({ cents: 1_000n, operation: 'to-the-bank' })
  expect(await told()).toEqual(NOTHING)
  const bank = await store.ledgerEntries({ limit: 10, account: 'bank/platform' })
  expect(bank).toMatchObject([{ kind: 'bank_payout', amount: 1_000n * CENT }])
  expect((await market.context.payments.balance()).availableCents).toBe(
    before.availableCents - 1_000n,
  )
  expect((await store.ledgerCheck()).differences).toEqual([])
})

test('what the reconciliation has booked no adjustment books again', async () => {
  await market.context.payments.createPayout({ cents: 500n, operation: 'again-to-the-bank' })
  expect(await told()).toEqual(NOTHING)
  const bank = await store.ledgerEntries({ limit: 1, account: 'bank/platform' })
  const movement = bank[0]?.reference ?? ''
  await expect(adjust('bank/platform', CLEARING, 500n, movement)).rejects.toMatchObject({
    code: 'HANSE_ADJUSTMENT_STATE',
  })
  expect(await told()).toEqual(NOTHING)
})

test('a record that was tampered with is a difference on both sides', async () => {
  const provider = await market.addProvider()
  await market.earn(provider, 31n * CENT)
  await run()
  const paid = `provider = '${provider.peerId}'`
  await store.executeSql(`update payout set cents = cents + 1 where ${paid}`)
  await market.double.advance(HOUR_MS)
  const { list } = await told()
  const reasons = list.map((line) => line.split(' ')[1])
  expect(reasons).toHaveLength(3)
  expect(new Set(reasons)).toEqual(new Set(['amount', 'ledger-check']))
  await store.executeSql(`update payout set cents = cents - 1 where ${paid}`)
  expect(await told()).toEqual(NOTHING)
})

test('a run resolves only what it has looked for: not the balance while money moved', async () => {
  const { context } = market
  const restless = {
    ...context,
    payments: new Proxy(context.payments, {
      get: (target, key) => (key === 'balance' ? moving : Reflect.get(target, key).bind(target)),
    }),
  }
  let cents = 0n
  const moving = async () => ({ ...(await context.payments.balance()), pendingCents: ++cents })
  await store.executeSql(`update stripe_movement set net_cents = net_cents + 1
    where id = (select min(id) from stripe_movement)`)
  const isOpen = async () => {
    const left = await store.differences({ outstanding: true, limit: 10 })
    return left.some(({ subject }) => subject === 'balance')
  }
  expect(await reconcile(context)).toMatchObject({ balanceCompared: true })
  expect(await isOpen()).toBe(true)
  expect(await reconcile(restless)).toMatchObject({ balanceCompared: false })
  expect(await isOpen()).toBe(true)
  await store.executeSql(`update stripe_movement set net_cents = net_cents - 1
    where id = (select min(id) from stripe_movement)`)
  await reconcile(context)
  expect(await isOpen()).toBe(false)
})

test('what is cut off a list, and what a run that began later has found, stays open', async () => {
  const at = market.context.now()
  const record = (subjects: readonly string[], startedAt: number) =>
    store.recordReconciliation(
      {
        whole: true,
        since: 0,
        until: startedAt,
        askedBy: 'anna',
        startedAt,
        movements: 0,
        stripeCents: 0n,
        balanceCompared: true,
      },
      subjects.map((subject) => ({
        side: 'ledger-stripe',
        subject,
        expected: '1',
        actual: '0',
        reason: 'not-at-stripe',
        state: 'open',
      })),
      at,
    )
  const many = Array.from({ length: 1000 }, (_, i) => `later-${i}`)
  expect(await record(['first'], at)).toMatchObject({ open: 1 })
  expect(await record(many, at)).toMatchObject({ open: 1001 })
  expect(await record([], at - 1)).toMatchObject({ open: 1001 })
  expect(await record([], at)).toMatchObject({ open: 0 })
})

async function movementsAtStripe() {
  const found = []
  for await (const movement of market.context.payments.movements({ sinceMs: 0 })) {
    found.push(movement)
  }
  return found
}
