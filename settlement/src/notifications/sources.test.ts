import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SettlementStore } from '../db/store.ts'
import { runPayouts } from '../payouts/payout-run.ts'
import { openTestStore } from '../testing/database-template.ts'
import { addProvider, addTenant, CENT, testContext } from '../testing/market.ts'
import { bookSession } from '../testing/provider-market.ts'
import { FACT_CHARS_MAX } from './event.ts'

let store: SettlementStore
beforeAll(async () => {
  store = await openTestStore()
})
afterAll(() => store.close())

const platform = (kind: 'payout.failed' | 'payout.held' | 'reconciliation.difference') =>
  store.events({ owner: null, kind, limit: 10 })

test('operators are told of a payout that Stripe refused, and of one that is on hold, once', async () => {
  const context = testContext(store, { feeBps: 0 })
  const tenant = await addTenant(context, 1_000n)
  const { peerId, ...provider } = await addProvider(context)
  await bookSession(context, tenant, { peerId, ...provider }, 500n * CENT)
  context.fake.fates = ['refused']
  await runPayouts(context)
  const failed = await platform('payout.failed')
  expect(failed).toMatchObject([{ subject: peerId, severity: 'urgent', facts: { cents: 500 } }])
  const given = { provider: peerId, reason: 'looks odd', by: 'op', at: context.now() }
  await store.holdPayouts(given)
  await store.holdPayouts(given)
  const held = await platform('payout.held')
  expect(held).toMatchObject([{ subject: peerId, facts: { by: 'op' } }])
  // What an operator wrote of somebody stays here.
  expect(
    JSON.stringify(held, (_key, value) => (typeof value === 'bigint' ? `${value}` : value)),
  ).not.toContain('odd')
})

test('a difference is told once, and again when it changes', async () => {
  const { now } = testContext(store)
  const done = {
    whole: true,
    since: 0,
    until: now(),
    askedBy: 'op',
    startedAt: now(),
    movements: 1,
    stripeCents: 0n,
    balanceCompared: true,
  }
  const difference = {
    side: 'ledger-stripe',
    subject: 'pi_1',
    expected: '100',
    actual: '0',
    reason: 'ledger-check',
    state: 'open',
  } as const
  for (const found of [
    difference,
    difference,
    { ...difference, actual: '50' },
    { ...difference, subject: 'pi_2', state: 'explained' as const },
  ]) {
    await store.recordReconciliation(done, [found], now())
  }
  const told = await platform('reconciliation.difference')
  expect(told.map(({ subject, facts }) => [subject, facts.actual])).toEqual([
    ['pi_1', '50'],
    ['pi_1', '0'],
  ])
})

test('no long text leaves with an event, whoever hands it over', async () => {
  const prompt = 'Please write a long letter to my lawyer. '.repeat(100)
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i}`, i]))
  const event = { organization: null, kind: 'import.failed' as const, subject: 'x', cause: prompt }
  await store.emitEvents([{ ...event, facts: { prompt, ...many } }], 0)
  const [told] = await store.events({ owner: null, kind: 'import.failed', limit: 1 })
  expect(Object.keys(told?.facts ?? {})).toHaveLength(16)
  expect(String(told?.facts.prompt)).toHaveLength(FACT_CHARS_MAX)
})
