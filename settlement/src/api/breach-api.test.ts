import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AccessApp, openAccessApp, ROOT } from '../access/testing/access-app.ts'
import { addKeyOf, addMemberOf } from '../access/testing/people.ts'
import { BREACH_JOBS } from '../breaches/jobs.ts'
import { DEFAULT_COMPLIANCE } from '../compliance/compliance-terms.ts'
import { dataProtectionSetting } from '../config/data-protection.ts'
import { sellerOf } from '../documents/seller.ts'
import { ingest } from '../receipts/ingest.ts'
import { eraseSubject } from '../rights/erase-subject.ts'
import { makeDeal } from '../testing/deals.ts'
import {
  addProvider,
  addTenant,
  CENT,
  hold,
  NETWORK,
  NOW,
  type TestContext,
} from '../testing/market.ts'

const HOUR_MS = 3_600_000
const SELLER = {
  name: 'Betreiber GmbH',
  street: 'Hafen 1',
  postalCode: '20457',
  city: 'Hamburg',
  country: 'DE',
  vatId: 'DE123456789',
} as const

let opened: AccessApp
let context: TestContext
beforeAll(async () => {
  const dataProtection = dataProtectionSetting.parse({
    officer: 'Dr. Schutz',
    officerEmail: 'dsb@example.org',
    authority: 'HmbBfDI',
  })
  const compliance = { ...DEFAULT_COMPLIANCE, dataProtection }
  opened = await openAccessApp({}, { compliance, seller: sellerOf(SELLER, 'op') })
  context = opened.context
}, 180_000)
afterAll(() => opened?.[Symbol.asyncDispose]())

async function ask(url: string, json?: object, headers: Record<string, string> = ROOT) {
  const answer = await opened.app.inject({
    method: json === undefined ? 'GET' : 'POST',
    url,
    headers,
    ...(json !== undefined && { payload: json }),
  })
  // biome-ignore lint/suspicious/noExplicitAny: the shapes are what the tests are about
  return { status: answer.statusCode, body: answer.json<any>() }
}
const open = async (detectedAt = context.now()): Promise<string> =>
  (await ask('/v1/admin/breaches', { title: 'a stolen laptop', detectedAt })).body.id
const step = (id: string, taken: object) => ask(`/v1/admin/breaches/${id}/steps`, taken)
const told = async () =>
  (
    await context.store.executeSql(
      "select kind, subject, facts from notification_event where kind like 'breach.%' order by id",
    )
  ).rows as { kind: string; subject: string; facts: Record<string, unknown> }[]

test('a breach goes from its record to its end, and every step stays with who took it', async () => {
  context.clock.now = NOW
  const id = await open(NOW - HOUR_MS)
  expect((await ask(`/v1/admin/breaches/${id}`)).body).toMatchObject({
    state: 'assessing',
    clock: { running: true, dueAt: NOW + 71 * HOUR_MS, leftMs: 71 * HOUR_MS, reminderHours: null },
  })
  expect((await step(id, { kind: 'closed', reasons: 'r' })).body).toMatchObject({
    code: 'HANSE_BREACH_STEP',
    detail: expect.stringContaining('what the risk is'),
  })
  await step(id, { kind: 'described', words: { nature: 'A laptop was stolen.' } })
  await step(id, { kind: 'described', words: { measures: 'It was locked.' } })
  await step(id, { kind: 'assessed', risk: 'high', reasons: 'names' })
  expect((await step(id, { kind: 'closed', reasons: 'r' })).body.detail).toContain('authority')
  const future = { kind: 'authority-notified', notifiedAt: NOW + 1, reference: 'A-1' }
  expect((await step(id, future)).status).toBe(400)
  await step(id, { ...future, notifiedAt: NOW })
  expect((await step(id, { kind: 'closed', reasons: 'r' })).body.detail).toContain('people')
  await step(id, { kind: 'subjects-informed', informedAt: NOW, how: 'mail', people: 3 })
  const { body } = await step(id, { kind: 'closed', reasons: 'All was done.' })
  expect(body).toMatchObject({
    state: 'closed',
    words: { nature: 'A laptop was stolen.', measures: 'It was locked.' },
    clock: { running: false, reminderHours: null },
  })
  expect(body.history.map((one: { by: string }) => one.by)).toEqual(Array(7).fill('root'))
  expect(body.history.map((one: { number: number }) => one.number)).toEqual([1, 2, 3, 4, 5, 6, 7])
  expect((await ask('/v1/admin/breaches?open=true')).body.breaches).toEqual([])
  await expect(context.store.executeSql('delete from breach_step')).rejects.toThrow()
  await expect(context.store.executeSql('update breach_step set at = now()')).rejects.toThrow()
})

test('of two who take a step at once both are kept, or one is told to look again', async () => {
  const id = await open()
  const results = await Promise.all(
    Array.from({ length: 6 }, (_, i) => step(id, { kind: 'noted', text: `note ${i}` })),
  )
  const kept = results.filter(({ status }) => status === 200).length
  for (const { status, body } of results) {
    if (status !== 200) expect(body.code).toBe('HANSE_BREACH_STEP')
  }
  expect((await ask(`/v1/admin/breaches/${id}`)).body.history).toHaveLength(kept + 1)
  await step(id, { kind: 'assessed', risk: 'unlikely', reasons: 'r' })
})

test('operators are reminded at 24, 48 and 66 hours and when the time is over, each once', async () => {
  context.clock.now = NOW
  const before = (await told()).length
  const id = await open(NOW)
  const [job] = BREACH_JOBS
  const work = () => job?.work(context, new AbortController().signal)
  const seen: unknown[] = []
  for (let hour = 0; hour <= 80; hour += 1) {
    context.clock.now = NOW + hour * HOUR_MS
    await work()
    await work()
    const news = (await told()).slice(before).filter(({ subject }) => subject === id)
    if (news.length > seen.length) seen.push([hour, news.at(-1)?.kind])
  }
  expect(seen).toEqual([
    [0, 'breach.detected'],
    [24, 'breach.clock'],
    [48, 'breach.clock'],
    [66, 'breach.clock'],
    [72, 'breach.overdue'],
  ])
  await step(id, { kind: 'assessed', risk: 'unlikely', reasons: 'r' })
  expect(await work()).toEqual({ open: expect.any(Number), due: 0 })
})

describe('who is affected', () => {
  const HOURS = { from: String(NOW + 1000 * HOUR_MS), to: String(NOW + 1002 * HOUR_MS) }
  const query = (more: Record<string, string> = {}) =>
    new URLSearchParams({ ...HOURS, ...more }).toString()

  test('is found by provider, time, organization and key, from what was settled', async () => {
    context.clock.now = NOW + 1001 * HOUR_MS
    const [bad, good] = [await addProvider(context), await addProvider(context)]
    const [hit, missed] = [await addTenant(context, 100n), await addTenant(context, 100n)]
    const member = await addMemberOf(context, hit.organization, 'developer', 'hit@example.org')
    await addMemberOf(context, missed.organization, 'developer', 'missed@example.org')
    for (const [tenant, provider] of [
      [hit, bad],
      [hit, bad],
      [missed, good],
    ] as const) {
      const at = context.now()
      const authorization = await hold(context, tenant, provider, 10n * CENT)
      const deal = makeDeal({
        network: NETWORK,
        consumer: tenant.consumer,
        provider,
        at,
        authorization,
      })
      expect(await ingest(context, [deal.submission(0, 5)])).toMatchObject([{ status: 'booked' }])
    }
    const find = async (more: Record<string, string>) =>
      (await ask(`/v1/admin/breaches/affected?${query(more)}`)).body
    expect(await find({ provider: bad.peerId })).toEqual({
      counts: { organizations: 1, people: 1, sessions: 2 },
      affected: [
        {
          organization: hit.organization,
          name: 'Test',
          sessions: 2,
          firstAt: context.now(),
          lastAt: context.now(),
          people: 1,
          accesses: 0,
        },
      ],
      next: null,
    })
    const people = await ask(
      `/v1/admin/breaches/affected/people?${query({ provider: bad.peerId })}`,
    )
    expect(people.body.people).toEqual([
      { person: member.id, email: 'hit@example.org', organization: hit.organization },
    ])
    expect((await find({})).counts).toEqual({ organizations: 2, people: 2, sessions: 3 })
    expect((await find({ organization: missed.organization })).counts.sessions).toBe(1)
    expect(
      (await find({ provider: bad.peerId, organization: missed.organization })).affected,
    ).toEqual([])
    const earlier = { from: String(NOW), to: String(NOW + HOUR_MS) }
    expect((await find({ ...earlier, provider: bad.peerId })).affected).toEqual([])
    // A key that was stolen touches its organization, whatever was asked with it.
    const { prefix } = await addKeyOf(context, hit.organization)
    expect(await find({ key: prefix })).toMatchObject({
      affected: [{ organization: hit.organization, people: 1 }],
    })
    expect((await ask(`/v1/admin/breaches/affected?from=2&to=1`)).status).toBe(400)
  })

  test('pages hold all of them once', async () => {
    const seen: string[] = []
    for (let after = ''; ; ) {
      const page = (await ask(`/v1/admin/breaches/affected?${query({ limit: '1', after })}`)).body
      seen.push(...page.affected.map((one: { organization: string }) => one.organization))
      if (page.next === null) break
      after = page.next
    }
    expect(seen).toHaveLength(2)
    expect(new Set(seen).size).toBe(2)
  })

  test('letters say what is known, mark what is missing, and send nothing', async () => {
    const id = await open()
    await step(id, { kind: 'described', words: { nature: 'Ein Laptop wurde gestohlen.' } })
    const letter = async (kind: string, lang: string) =>
      (await ask(`/v1/admin/breaches/${id}/drafts/${kind}?${query({ lang })}`)).body.markdown
    const german = await letter('authority', 'de')
    expect(german).toContain('Art. 33 DSGVO')
    expect(german).toContain('An: HmbBfDI')
    expect(german).toContain('Betreiber GmbH, Hafen 1, 20457 Hamburg, DE')
    expect(german).toContain('Dr. Schutz, dsb@example.org')
    expect(german).toContain('Ein Laptop wurde gestohlen.')
    expect(german).toContain('2 Organisationen mit 2 Mitgliedern, 3 Inferenzsitzungen')
    expect(german).toContain('[zu ergänzen]')
    const english = await letter('subjects', 'en')
    expect(english).toContain('Art. 34 GDPR')
    expect(english).toContain('[to be completed]')
    expect(english).not.toContain('organizations with')
    expect((await ask(`/v1/admin/breaches/${id}/drafts/press`)).status).toBe(400)
  })
})

test('the register is for operators alone', async () => {
  expect((await ask('/v1/admin/breaches', undefined, {})).status).toBe(401)
  const unknown = `/v1/admin/breaches/br_${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}`
  expect((await ask(unknown)).body.code).toBe('HANSE_NOT_FOUND')
  expect((await ask(`${unknown}/steps`, { kind: 'noted', text: 'x' })).body.code).toBe(
    'HANSE_NOT_FOUND',
  )
})

test('who is in the data that was touched is found in the register: by class, and in the tables that are named', async () => {
  const { context: own } = opened
  const { organization } = await addTenant(own, 0n)
  const ann = await addMemberOf(own, organization, 'owner', 'ann@affected.example')
  const gone = await addMemberOf(own, organization, 'developer', 'gone@affected.example')
  await eraseSubject(own, {
    subject: { kind: 'person', id: gone.id },
    at: own.now(),
    givesUpBalance: false,
  })
  const path = '/v1/admin/breaches/affected/subjects'
  const { body: origins } = await ask(`${path}?subjectKind=person&class=origin`)
  const all = origins.subjects as { subject: string; email: string; tables: string[] }[]
  expect(origins.count).toBe(all.length)
  const found = all.find(({ subject }) => subject === ann.id)
  expect(found).toMatchObject({ email: 'ann@affected.example' })
  // Where somebody came from stands in their sessions, and in nothing that holds their name alone.
  expect(found?.tables).toContain('person_session')
  expect(found?.tables).not.toContain('person')
  expect(all.map(({ subject }) => subject)).not.toContain(gone.id)
  const columns = origins.tables.find(({ table }: { table: string }) => table === 'person_session')
  expect(columns.columns).toContainEqual({ column: 'user_agent', class: 'origin' })

  const named = await ask(`${path}?subjectKind=person&class=identity&class=origin&table=person`)
  expect(named.body.tables.map(({ table }: { table: string }) => table)).toEqual(['person'])
  const paged: string[] = []
  for (let after = ''; ; ) {
    const { body } = await ask(
      `${path}?subjectKind=person&class=identity&table=person&limit=1&after=${after}`,
    )
    paged.push(...body.subjects.map(({ subject }: { subject: string }) => subject))
    if (body.next === null) break
    after = body.next
  }
  expect(paged).toContain(ann.id)
  expect(paged).toEqual([...new Set(paged)].sort())
  expect(paged).toHaveLength(named.body.count)

  const kinds = async (kind: string) =>
    (await ask(`${path}?subjectKind=${kind}&class=pseudonym&class=identity`)).body
  const organizations = await kinds('organization')
  expect(organizations.subjects).toContainEqual(
    expect.objectContaining({ subject: organization, name: 'Test', email: null }),
  )
  expect((await kinds('provider')).count).toBeGreaterThan(0)
  expect((await ask(`${path}?subjectKind=person&class=everything`)).status).toBe(400)
  expect((await ask(`${path}?subjectKind=person`)).status).toBe(400)
})

test('of a high risk the people are to be told, and it says how many were', async () => {
  const id = await open()
  await step(id, { kind: 'assessed', risk: 'high', reasons: 'health data' })
  const { body: high } = await ask(`/v1/admin/breaches/${id}`)
  expect(high).toMatchObject({ mustInformSubjects: true, subjectsInformed: 0 })
  const informed = { kind: 'subjects-informed', informedAt: context.now(), how: 'mail', people: 3 }
  await step(id, informed)
  const { body: told } = await step(id, { ...informed, people: 2 })
  expect(told).toMatchObject({ mustInformSubjects: false, subjectsInformed: 5 })
})
