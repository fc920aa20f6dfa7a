import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { showback } from '../allocation/showback.ts'
import type { SettlementStore } from '../db/store.ts'
import { openReceiver, type Receiver } from '../notifications/testing/receiver.ts'
import { openTestStore } from '../testing/database-template.ts'
import { addTenant, type TestContext, testContext } from '../testing/market.ts'
import { seedUsage } from '../usage/testing/seed-usage.ts'
import { SETTLE_MS } from './period.ts'
import { runExports } from './run-exports.ts'
import type { NewSchedule } from './schedule-store.ts'

const DAY_MS = 86_400_000
const FROM = Date.parse('2026-11-01T00:00:00Z')
const TO = FROM + 3 * DAY_MS
const FIRST_DUE = FROM + DAY_MS + SETTLE_MS
const HOME = { privateNetworks: true }

let store: SettlementStore
let receiver: Receiver
let context: TestContext
let organization: string
beforeAll(async () => {
  store = await openTestStore()
  receiver = await openReceiver()
})
afterAll(async () => {
  await receiver[Symbol.asyncDispose]()
  await store.close()
})
beforeEach(async () => {
  context = testContext(store)
  context.clock.now = FROM + 1_000
  receiver.received.length = 0
  receiver.answer = (response) => response.end('ok')
  organization = (await addTenant(context, 0n)).organization
  await seedUsage(store, { rows: 300, organization, from: FROM, to: TO })
})

let serial = 0
const schedule = (changes: Partial<NewSchedule> = {}) =>
  store.addExportSchedule({
    id: `exs_${organization}_${serial++}`,
    organization,
    name: 'for the data team',
    content: 'usage',
    format: 'csv',
    every: 'day',
    keepDays: 30,
    address: null,
    createdBy: 'test',
    at: context.now(),
    ...changes,
  })
const run = (outpost = HOME) => runExports(context, { outpost, random: () => 0.5 })
const runs = () => store.exportRuns({ organization, limit: 50 })
const textOf = async (id: string) => {
  const file = await store.exportFile(organization, id)
  return file && gunzipSync(file.gzipped).toString()
}
const retire = async () => {
  for (const { id } of await store.exportSchedules(organization)) {
    await store.removeExportSchedule(organization, id, context.now())
  }
}

test('a file is made once for each day, however many processes look, and its rows are what was used', async () => {
  await schedule()
  context.clock.now = FIRST_DUE - 1
  expect(await run()).toMatchObject({ planned: 0, done: 0 })
  context.clock.now = FIRST_DUE + DAY_MS
  const all = await Promise.all([run(), run(), run()])
  expect(all.reduce((sum, { done }) => sum + done, 0)).toBe(2)
  expect(await run()).toMatchObject({ planned: 0, done: 0 })
  const made = await runs()
  const inOrder = made.toSorted((a, b) => a.from - b.from)
  expect(inOrder.map(({ fileName, state }) => [fileName, state])).toEqual([
    ['usage-2026-11-01.csv', 'done'],
    ['usage-2026-11-02.csv', 'done'],
  ])
  const first = made.find(({ from }) => from === FROM)
  const text = (await textOf(first?.id ?? '')) ?? ''
  expect(createHash('sha256').update(text).digest('hex')).toBe(first?.sha256)
  const [head = '', ...lines] = text.trimEnd().split('\r\n')
  expect(head).toContain('day,key,member,tags,model,sessions')
  const used = await store.usageSum({ organization, from: FROM, to: FROM + DAY_MS })
  const cents = lines.map((line) => line.split(',').at(-2) ?? '').map(toPico)
  expect(cents.reduce((sum, amount) => sum + amount, 0n)).toBe(used.amount)
  expect(new Set(lines.map((line) => line.slice(0, 10)))).toEqual(new Set(['2026-11-01']))
  await retire()
})

test('a file is put to an address under its name, and again in the same bytes until it is taken', async () => {
  await schedule({ address: `${receiver.url}/{file}?signature=secret` })
  receiver.answer = (response) => {
    response.statusCode = 503
    response.end()
  }
  context.clock.now = FIRST_DUE
  expect(await run()).toMatchObject({ waiting: 1 })
  const [waiting] = await runs()
  expect(waiting).toMatchObject({ state: 'waiting', failure: 'the target answered 503' })
  expect(JSON.stringify(await store.exportSchedules(organization))).not.toContain('secret')
  receiver.answer = (response) => response.end()
  context.clock.now = waiting?.dueAt ?? 0
  expect(await run()).toMatchObject({ done: 1 })
  const [first, second] = receiver.received
  expect(first?.path).toBe('/hook/usage-2026-11-01.csv?signature=secret')
  expect(second?.body).toBe(first?.body)
  expect(second?.body).toBe(await textOf(waiting?.id ?? ''))
  expect(second?.headers['content-type']).toBe('text/csv; charset=utf-8')
  await retire()
})

test('what is refused is told once, and sent when there is another address', async () => {
  const { id } = await schedule({ address: `${receiver.url}/old` })
  receiver.answer = (response, { path }) => {
    response.statusCode = path.endsWith('/old') ? 403 : 201
    response.end()
  }
  context.clock.now = FIRST_DUE
  expect(await run()).toMatchObject({ failed: 1 })
  const [failed] = await runs()
  expect(failed).toMatchObject({
    state: 'failed',
    failure: 'the target answered 403',
    isKept: true,
  })
  const { rows } = await store.executeSql(
    "select facts from notification_event where kind = 'export.failed' and organization = $1",
    [organization],
  )
  expect(rows).toEqual([
    {
      facts: {
        schedule: 'for the data team',
        period: '2026-11-01',
        failure: 'the target answered 403',
      },
    },
  ])
  expect(await store.retryExport('org_other', failed?.id ?? '', context.now())).toBe(false)
  expect(await store.setExportTarget(organization, id, `${receiver.url}/new`, context.now())).toBe(
    true,
  )
  expect(await store.retryExport(organization, failed?.id ?? '', context.now())).toBe(true)
  expect(await run()).toMatchObject({ done: 1 })
  expect(receiver.received.at(-1)?.path).toBe('/hook/new')
  await retire()
})

test('nothing is put on a private network, whatever the address was when it was given', async () => {
  await schedule({ address: 'https://127.0.0.1:1/file' })
  context.clock.now = FIRST_DUE
  expect(await run({ privateNetworks: false })).toMatchObject({ failed: 1 })
  expect((await runs())[0]).toMatchObject({ failure: 'the address is loopback', isKept: true })
  await retire()
})

test('who dies over a file leaves it to another, and has nothing more to say of it', async () => {
  await schedule()
  context.clock.now = FIRST_DUE
  await store.planExports(context.now())
  const dead = await store.claimExport(context.now(), 60_000)
  expect(await store.claimExport(context.now() + 59_999, 60_000)).toBeUndefined()
  context.clock.now += 60_000
  expect(await run()).toMatchObject({ done: 1 })
  const failure = { state: 'failed', failure: 'too late' } as const
  await store.endExport(dead?.id ?? '', dead?.attempt ?? 0, failure, context.now())
  expect(await runs()).toMatchObject([{ state: 'done', attempts: 2, failure: null }])
  await retire()
})

test('files go when their time is over, the history stays, and a schedule that was removed makes no more', async () => {
  const { id } = await schedule({ keepDays: 1 })
  context.clock.now = FIRST_DUE
  await run()
  const [made] = await runs()
  context.clock.now += DAY_MS - 1
  await store.forgetExports(context.now())
  expect(await textOf(made?.id ?? '')).toContain('2026-11-01')
  context.clock.now += 1
  await store.forgetExports(context.now())
  expect(await textOf(made?.id ?? '')).toBeUndefined()
  expect(await runs()).toMatchObject([{ isKept: false, state: 'done' }])
  expect(await store.removeExportSchedule('org_other', id, context.now())).toBe(false)
  expect(await store.removeExportSchedule(organization, id, context.now())).toBe(true)
  expect(await run()).toMatchObject({ planned: 0 })
  expect(await store.retryExport(organization, made?.id ?? '', context.now())).toBe(false)
})

test('a period whose sessions are gone in part has no FOCUS, rather than half of one', async () => {
  await schedule({ content: 'focus' })
  context.clock.now = FIRST_DUE
  const kept = async (at: string) =>
    store.executeSql('update usage_mark set kept_from = $1::timestamptz', [at])
  await kept(new Date(FROM + 1).toISOString())
  try {
    expect(await run()).toMatchObject({ failed: 1 })
    expect(await runs()).toMatchObject([{ state: 'failed', isKept: false }])
  } finally {
    await kept('-infinity')
  }
  await retire()
})

test('FOCUS and showback are made as when they are asked for', async () => {
  await schedule({ content: 'focus', format: 'jsonl' })
  await schedule({ content: 'showback', format: 'json', every: 'month' })
  context.clock.now = Date.parse('2026-12-01T06:00:00Z')
  const { done } = await run()
  const made = await runs()
  expect(done).toBe(made.length)
  const report = made.find(({ fileName }) => fileName === 'showback-2026-11.json')
  const text = (await textOf(report?.id ?? '')) ?? ''
  expect(JSON.parse(text)).toEqual(await showback(store, organization, '2026-11'))
  const focus = made.find(({ fileName }) => fileName === 'focus-2026-11-02.jsonl')
  const lines = ((await textOf(focus?.id ?? '')) ?? '').trimEnd().split('\n')
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ ChargePeriodStart: '2026-11-02T00:00:00Z' })
  await retire()
})

function toPico(text: string): bigint {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(12, '0'))
}
