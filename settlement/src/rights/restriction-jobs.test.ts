import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AccessApp, openAccessApp } from '../access/testing/access-app.ts'
import { type SeededTenant, seedTenant } from '../access/testing/seed-tenant.ts'
import { addTestChannel } from '../notifications/testing/channels.ts'
import { openStripePayments, type StripeDouble, startStripeDouble } from '../stripe/index.ts'
import { NOW } from '../testing/market.ts'
import { ask } from './ask.ts'

const DAY_MS = 86_400_000

let opened: AccessApp
let double: StripeDouble
let mine: SeededTenant
const store = () => opened.context.store

beforeAll(async () => {
  double = await startStripeDouble({ now: () => NOW, delivery: 'manual' })
  const payments = openStripePayments({
    secretKey: 'sk_test_double',
    webhookSecret: 'whsec_test',
    host: '127.0.0.1',
    port: double.port,
    protocol: 'http',
    now: () => NOW,
    maxNetworkRetries: 0,
  })
  opened = await openAccessApp({}, { payments, resolveTxt: async () => [] })
  mine = await seedTenant(opened, double)
}, 120_000)
afterAll(async () => {
  await opened?.[Symbol.asyncDispose]()
  await double?.close()
})

async function restrict(): Promise<() => Promise<unknown>> {
  const { context } = opened
  const subject = { kind: 'organization', id: mine.organization } as const
  const asked = { kind: 'restriction', subject, by: 'x', note: null, isIdentified: true } as const
  const { id } = await ask(context, asked)
  const step = (taken: 'begun' | 'done' | 'withdrawn') =>
    store().advanceRightsRequest(id, { step: taken }, { by: 'x', note: null, at: context.now() })
  await step('begun')
  await step('done')
  return () => step('withdrawn')
}

/** What works by itself, and whom it would work for now. */
const LISTS: Readonly<Record<string, (at: number) => Promise<readonly string[]>>> = {
  budgets: () => store().organizationsWithBudgets('', 99),
  'forecasts and anomalies': () => store().spendingOrganizations(NOW - 28 * DAY_MS, '', 99),
  'automatic top-ups': () => store().automaticOrganizations('', 99),
  'expiring keys': async (at) => {
    await store().tellOfExpiringKeys(7 * DAY_MS, '', at)
    const told = await store().events({ owner: mine.organization, kind: 'key.expiring', limit: 9 })
    return told.map(() => mine.organization)
  },
  'files of schedules': async (at) => {
    const run = await store().claimExport(at + 3 * DAY_MS, 0)
    return run === undefined ? [] : [run.organization]
  },
}

test('no job that is not a duty works for an organization that is restricted, and each does again afterwards', async () => {
  const { context } = opened
  await store().executeSql(
    `insert into usage_daily (organization, day, dimension, key, sessions, input_tokens, cached_input_tokens, output_tokens, amount, fee)
      values ($1, $2::timestamptz, 'total', '', 1, 1, 0, 1, 1, 0)`,
    [mine.organization, new Date(NOW - DAY_MS).toISOString()],
  )
  await store().executeSql(
    'update api_key set expires_at = $2::timestamptz, created_at = $3::timestamptz where organization = $1',
    [
      mine.organization,
      new Date(NOW + 5 * DAY_MS).toISOString(),
      new Date(NOW - 90 * DAY_MS).toISOString(),
    ],
  )
  await store().executeSql('update automatic_top_up set enabled = true')
  const lift = await restrict()
  for (const [job, list] of Object.entries(LISTS))
    expect([job, await list(context.now())]).toEqual([job, []])
  await lift()
  for (const [job, list] of Object.entries(LISTS)) {
    const found = await list(context.now())
    expect([job, found.includes(mine.organization)]).toEqual([job, true])
  }
})

test('a restricted organization is told of claims and duties, and of nothing else', async () => {
  const { context } = opened
  const { organization } = mine
  const at = context.now()
  const channel = { kind: 'webhook', address: 'https://example.org/hook', at } as const
  await addTestChannel(store(), organization, channel)
  await addTestChannel(store(), organization, channel, { pace: 'daily' })
  await store().dispatchEvents(at, 1_000)
  await store().executeSql(`update notification_delivery set state = 'delivered', ended_at = now()`)
  const emit = (kind: 'budget.threshold' | 'document.issued', cause: string) =>
    store().emitEvents([{ organization, kind, subject: 's', cause }], at)
  const sent = async (later: number) => {
    await store().dispatchEvents(later, 1_000)
    const claimed = await store().claimDeliveries({ at: later, leaseMs: 0, limit: 99 })
    const kinds = claimed.flatMap(({ events }) => events.map(({ kind }) => kind)).sort()
    for (const { id, attempt } of claimed)
      await store().endAttempt(id, attempt, { state: 'delivered', status: 200 }, later)
    return kinds
  }

  // Put into messages before: one goes at once, one waits for its digest.
  await emit('budget.threshold', 'before')
  await store().dispatchEvents(at, 1_000)
  const lift = await restrict()
  await emit('budget.threshold', 'meanwhile')
  await emit('document.issued', 'meanwhile')
  expect(await sent(at + 2 * DAY_MS)).toEqual(['document.issued', 'document.issued'])
  await lift()
  expect(await sent(at + 3 * DAY_MS)).toEqual(['budget.threshold', 'budget.threshold'])
  await emit('budget.threshold', 'after')
  expect(await sent(at + 5 * DAY_MS)).toEqual(['budget.threshold'])
})
