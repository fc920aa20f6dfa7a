import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AccessApp, openAccessApp } from '../access/testing/access-app.ts'
import { type SeededTenant, seedTenant } from '../access/testing/seed-tenant.ts'
import { checkLog } from '../log/check-log.ts'
import { SettlementLog } from '../log/settlement-log.ts'
import { openStripePayments, type StripeDouble, startStripeDouble } from '../stripe/index.ts'
import { NETWORK, NOW } from '../testing/market.ts'
import { eraseSubject } from './erase-subject.ts'
import { REGISTER } from './register/index.ts'
import { tablesWith } from './testing/find-marker.ts'

const DAY_MS = 86_400_000
const WORD = 'geheim'

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

const organization = () => ({ kind: 'organization', id: mine.organization }) as const
const order = () => ({
  subject: organization(),
  at: opened.context.now(),
  givesUpBalance: false,
})

test('what is under way is not erased, and the answer says what to do', async () => {
  await expect(eraseSubject(opened.context, order())).rejects.toMatchObject({
    code: 'HANSE_ERASURE_BLOCKED',
    message: expect.stringMatching(/authorizations .*plan .*cents are left/su),
  })
  expect(await tablesWith(store(), WORD)).toContain('organization')
})

test('people and organizations are erased from every table but what the law keeps', async () => {
  const { context } = opened
  context.clock.now += 10 * DAY_MS
  while ((await store().releaseExpired(context.now(), context.now())) > 0);
  await store().executeSql(`update plan_subscription set status = 'ended'`)
  await store().executeSql(`update top_up set state = 'failed' where state = 'pending'`)
  // As a service that runs would have it: everything sealed is in the log by now.
  const log = await SettlementLog.open({
    store: store(),
    network: NETWORK,
    identity: context.signer,
    key: context.signer,
    defaultOrigin: 'test/log',
    now: context.now,
  })
  const erased = await eraseSubject(context, { ...order(), givesUpBalance: true })
  expect(erased).toMatchObject({ isNew: true, report: { kind: 'organization' } })
  const { rows } = await store().executeSql(`select id from person where erased_at is null`)
  for (const { id } of rows as { id: string }[]) {
    const subject = { kind: 'person', id } as const
    await eraseSubject(context, { subject, at: context.now(), givesUpBalance: false })
  }
  // An invoice names its parties, and is sealed: law keeps it, and opens it for duties alone.
  expect(await tablesWith(store(), WORD)).toEqual([])
  const kept = erased.report.tables.filter(({ outcome }) => outcome === 'kept')
  expect(kept.map(({ table }) => table)).toEqual(
    expect.arrayContaining(
      ['document', 'spend_authorization'].filter(
        (table) => REGISTER[table]?.erased?.organization === 'kept',
      ),
    ),
  )
  for (const { because } of kept) expect(because).toMatch(/\w/u)

  await log.tick()
  expect(await checkLog(store())).toMatchObject({ sound: true, differences: [], waiting: false })
  expect((await store().ledgerCheck()).differences).toEqual([])
})

test('a second erasure changes nothing, and finds what the first one did', async () => {
  const events = async () =>
    (await store().executeSql(`select count(*)::int4 as n from log_event`)).rows[0]
  const before = await events()
  const again = await eraseSubject(opened.context, order())
  expect(again).toMatchObject({ isNew: false, report: { kind: 'organization' } })
  expect(await events()).toEqual(before)
})

test('nobody is erased who is not there', async () => {
  const subject = { kind: 'organization', id: 'org_nobody' } as const
  await expect(eraseSubject(opened.context, { ...order(), subject })).rejects.toMatchObject({
    code: 'HANSE_NOT_FOUND',
  })
})
