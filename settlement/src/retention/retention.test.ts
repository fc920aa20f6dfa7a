import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addOrganization, addPerson } from '../access/testing/people.ts'
import { DEFAULT_COMPLIANCE } from '../compliance/compliance-terms.ts'
import { retentionSetting } from '../config/retention.ts'
import type { PGliteStore } from '../db/pglite.ts'
import { openTestStore } from '../testing/database-template.ts'
import { NOW, type TestContext, testContext } from '../testing/market.ts'
import { AGEING_CLASSES, RETENTION_CLASSES } from './classes.ts'
import { RETENTION_JOBS } from './jobs.ts'
import { keepUsage } from './keep-usage.ts'
import { edgeOf, faultOfPeriod } from './periods.ts'
import { retentionPlan } from './plan.ts'
import { agedTables, runRetention } from './run-retention.ts'

const DAY_MS = 86_400_000

let store: PGliteStore
beforeAll(async () => {
  store = await openTestStore()
}, 180_000)
afterAll(() => store.close())

const iso = (at: number) => new Date(at).toISOString()
const access = (organization: string, at: number, actor = 'key:x') =>
  store.addAccess({
    organization,
    actor,
    action: 'GET /v1/balance',
    targets: {},
    outcome: '200',
    address: '192.0.2.1',
    at,
  })
const entries = async (organization: string) =>
  (await store.accessEntries({ organization, limit: 100 }))
    .map(({ at }) => at)
    .toSorted((a, b) => a - b)
const run = (context: TestContext) => runRetention(context, { by: 'anna' })
const hold = (scope: 'everything' | 'class' | 'organization' | 'person', subject: string) =>
  store.placeLegalHold({ scope, subject, reason: 'a claim', by: 'anna', at: NOW })

test('every table of the database is in one class, and no class has another', async () => {
  const there = await store.tableNames()
  const classed = RETENTION_CLASSES.flatMap(({ tables }) => tables.map(({ table }) => table))
  expect(there.length).toBeGreaterThan(100)
  expect({
    'without a class: say how long it is kept in settlement/src/retention/classes.ts': there.filter(
      (name) => !classed.includes(name),
    ),
    'not in the database': classed.filter((name) => !there.includes(name)),
    twice: classed.filter((name, i) => classed.indexOf(name) !== i),
  }).toEqual({
    'without a class: say how long it is kept in settlement/src/retention/classes.ts': [],
    'not in the database': [],
    twice: [],
  })
})

test('each rule that removes by age is a statement that the database takes', async () => {
  const before = NOW - 5000 * DAY_MS
  for (const table of agedTables({}, NOW)) {
    expect(await store.removeAged({ ...table, before }, 10)).toBe(0)
    expect(await store.agedTable({ ...table, before })).toMatchObject({ due: 0, held: 0 })
  }
})

describe('periods', () => {
  test('law sets the least, and a setting says which class is wrong', () => {
    expect(retentionSetting.parse('access-log=184, sign-ins=7')).toEqual({
      'access-log': 184,
      'sign-ins': 7,
    })
    for (const [text, words] of [
      ['access-log=183', 'at least 184 days (six months'],
      ['documents=3652', 'at least 3653 days'],
      ['payment-events=30', 'at least 35 days'],
      ['exports=401', 'at most 400 days'],
      ['tea=3', 'no class tea; there are request-metadata'],
      ['sign-ins=soon', 'is not <class>=<days>'],
    ] as const) {
      const parsed = retentionSetting.safeParse(text)
      expect(parsed.success).toBe(false)
      expect(parsed.error?.issues[0]?.message).toContain(words)
    }
    for (const { name, days } of AGEING_CLASSES)
      expect(faultOfPeriod(name, days ?? 0)).toBeUndefined()
  })

  test('ten years of tax law begin with the end of the year', () => {
    const documents = AGEING_CLASSES.find(({ name }) => name === 'documents')
    if (documents === undefined) throw new Error('no documents')
    const edge = (now: string) => iso(edgeOf(documents, 3653, Date.parse(now))).slice(0, 10)
    expect(edge('2036-12-31T23:59:59Z')).toBe('2026-01-01')
    expect(edge('2037-01-01T00:00:00Z')).toBe('2027-01-01')
    expect(edge('2037-12-31T00:00:00Z')).toBe('2027-01-01')
  })
})

describe('the log of access', () => {
  test('goes by age and stays otherwise, whatever else asks for it', async () => {
    const context = testContext(store)
    const { organization } = await addOrganization(context)
    const edge = NOW - 400 * DAY_MS
    for (const at of [edge - 1, edge, NOW]) await access(organization, at)
    const dry = await runRetention(context, { by: 'anna', dryRun: true })
    expect(dry.find(({ table }) => table === 'access_log')).toMatchObject({ due: 1, removed: 0 })
    expect(await entries(organization)).toHaveLength(3)
    expect(await store.retentionRuns(1)).toEqual([])

    const report = await run(context)
    expect(report.find(({ table }) => table === 'access_log')).toEqual({
      className: 'access-log',
      table: 'access_log',
      before: edge,
      removed: 1,
      due: 0,
      held: 0,
      oldest: edge,
    })
    expect(await entries(organization)).toEqual([edge, NOW])
    expect(await store.retentionRuns(1)).toMatchObject([
      { askedBy: 'anna', startedAt: NOW, report },
    ])
    // What was removed is in the log, which nobody can change.
    const told = "select count(*)::int4 as n from log_event where kind = 'retention'"
    expect((await store.executeSql(told)).rows).toEqual([{ n: 1 }])
    await expect(store.executeSql('delete from access_log')).rejects.toThrow()
    await expect(store.executeSql('truncate access_log')).rejects.toThrow()
    await expect(store.executeSql("update access_log set outcome = 'x'")).rejects.toThrow()
    expect(await entries(organization)).toEqual([edge, NOW])
  })

  test('a setting makes it shorter, and never shorter than six months', async () => {
    const compliance = { ...DEFAULT_COMPLIANCE, retention: { 'access-log': 184 } }
    const context = { ...testContext(store), compliance }
    const { organization } = await addOrganization(context)
    for (const days of [185, 183]) await access(organization, NOW - days * DAY_MS)
    await runRetention(context, { by: 'anna' })
    expect(await entries(organization)).toEqual([NOW - 183 * DAY_MS])
  })

  test.each([
    'everything',
    'class',
    'organization',
    'person',
    'dispute',
    'request',
    'breach',
  ] as const)(
    'what is held by %s stays until it is released, and nothing else does',
    async (scope) => {
      const context = testContext(store)
      const { organization } = await addOrganization(context)
      const other = await addOrganization(context)
      const person = await addPerson(context)
      const old = NOW - 500 * DAY_MS
      await access(organization, old, `person:${person.id}`)
      await access(other.organization, old)
      const release = await placed(scope, organization, person.id)
      const report = (await run(context)).find(({ table }) => table === 'access_log')
      const isWide = ['everything', 'class', 'breach'].includes(scope)
      expect(report).toMatchObject({ held: isWide ? 2 : 1 })
      expect(await entries(organization)).toEqual([old])
      expect(await entries(other.organization)).toEqual(isWide ? [old] : [])
      await release()
      expect((await run(context)).find(({ table }) => table === 'access_log')).toMatchObject({
        removed: isWide ? 2 : 1,
        held: 0,
      })
      expect(await entries(organization)).toEqual([])
    },
  )

  async function placed(
    scope: 'everything' | 'class' | 'organization' | 'person' | 'dispute' | 'request' | 'breach',
    organization: string,
    person: string,
  ): Promise<() => Promise<unknown>> {
    if (scope === 'dispute') {
      const id = `dp_${randomUUID()}`
      await store.executeSql(
        `insert into dispute (id, organization, payment_intent, cents, status, reason, created_at, updated_at)
         values ($1, $2, 'pi', 1, 'needs-response', 'fraudulent', $3, $3)`,
        [id, organization, iso(NOW)],
      )
      return () => store.executeSql("update dispute set status = 'won' where id = $1", [id])
    }
    if (scope === 'request') {
      const id = `rr_${randomUUID()}`
      await store.executeSql(
        `insert into rights_request (id, kind, subject_kind, subject, opened_by, state, received_at, due_at, steps)
         values ($1, 'access', 'person', $2, 'x', 'received', $3, $3, 1)`,
        [id, person, iso(NOW)],
      )
      return () =>
        store.executeSql("update rights_request set state = 'done', ended_at = $2 where id = $1", [
          id,
          iso(NOW),
        ])
    }
    if (scope === 'breach') {
      const id = `br_${randomUUID()}`
      const detected = { kind: 'detected', title: 't', detectedAt: NOW, beganAt: null } as const
      await store.takeBreachStep(id, detected, 'anna', NOW)
      return async () => {
        const assessed = { kind: 'assessed', risk: 'unlikely', reasons: 'r' } as const
        await store.takeBreachStep(id, assessed, 'anna', NOW)
        await store.takeBreachStep(id, { kind: 'closed', reasons: 'r' }, 'anna', NOW)
        await store.takeBreachStep(id, { kind: 'noted', text: 'later' }, 'anna', NOW)
      }
    }
    const subject = { everything: '', class: 'access-log', organization, person }[scope]
    const { id } = await hold(scope, subject)
    // Told twice, it is one.
    expect((await hold(scope, subject)).id).toBe(id)
    return () => store.releaseLegalHold(id, 'anna', NOW)
  }
})

test('more than a batch goes in one run', async () => {
  const context = testContext(store)
  await store.executeSql(
    `insert into stripe_event (id, type, body, received_at)
     select 'evt_' || g, 't', ''::bytea, $1::timestamptz from generate_series(1, 2500) g`,
    [iso(NOW - 401 * DAY_MS)],
  )
  const report = (await run(context)).find(({ table }) => table === 'stripe_event')
  expect(report).toMatchObject({ removed: 2500, due: 0, oldest: null })
})

test('a run that is cut off has removed whole batches, and the next goes on', async () => {
  const context = testContext(store)
  const { organization } = await addOrganization(context)
  await access(organization, NOW - 500 * DAY_MS)
  const report = await runRetention(context, { by: 'anna', signal: AbortSignal.abort() })
  expect(report).toEqual([])
  expect(await entries(organization)).toHaveLength(1)
  await run(context)
  expect(await entries(organization)).toEqual([])
})

test('sessions that ended go a month later, with what hangs on them', async () => {
  const context = testContext(store)
  const person = await addPerson(context)
  const [session] = await store.personSessions(person.id, NOW)
  expect(session).toBeDefined()
  const count = async () =>
    (
      await store.executeSql('select count(*)::int4 as n from person_session where person = $1', [
        person.id,
      ])
    ).rows
  await run({ ...context, now: () => NOW + 30 * DAY_MS })
  expect(await count()).toEqual([{ n: 1 }])
  await run({ ...context, now: () => NOW + 31 * DAY_MS + 1 })
  expect(await count()).toEqual([{ n: 0 }])
})

test('single requests are dropped by the period that is set, unless anything holds them', async () => {
  await using own = await openTestStore()
  const compliance = { ...DEFAULT_COMPLIANCE, retention: { 'request-metadata': 30 } }
  const context = { ...testContext(own), compliance }
  await keepUsage(context)
  const later = { ...context, now: () => NOW + 65 * DAY_MS }
  const { id } = await own.placeLegalHold({
    scope: 'organization',
    subject: 'org_1',
    reason: 'r',
    by: 'anna',
    at: NOW,
  })
  expect((await keepUsage(later)).dropped).toEqual([])
  await own.releaseLegalHold(id, 'anna', NOW)
  expect((await keepUsage({ ...later, euAudit: false })).dropped).toEqual([])
  expect((await keepUsage(later)).dropped).toEqual(['usage_2026_11'])
})

test('the plan says of every table what becomes of it, with what would go next', async () => {
  const context = testContext(store)
  const { organization } = await addOrganization(context)
  await access(organization, NOW - 500 * DAY_MS)
  const plan = await retentionPlan(context)
  expect(plan.map(({ name }) => name)).toEqual(RETENTION_CLASSES.map(({ name }) => name))
  const log = plan.find(({ name }) => name === 'access-log')
  expect(log).toMatchObject({ days: 400, leastDays: 184, before: NOW - 400 * DAY_MS })
  expect(log?.tables[0]).toMatchObject({ removal: 'age', state: { due: 1, held: 0 } })
  const accounting = plan.find(({ name }) => name === 'accounting')
  expect(accounting).toMatchObject({ days: null, before: null })
  const [job] = RETENTION_JOBS
  expect(await job?.work(context, new AbortController().signal)).toEqual({
    access_log: { removed: 1, left: 0 },
  })
})
