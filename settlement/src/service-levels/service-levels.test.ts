import { type FinalReason, type Signer, signRequest } from '@hanse/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AccessApp, openAccessApp, ROOT } from '../access/testing/access-app.ts'
import { closeMonth } from '../documents/close-month.ts'
import { monthOf } from '../documents/month.ts'
import { writeStatements } from '../receipts/statement-batch.ts'
import { type Submission, writeSubmissions } from '../receipts/submission.ts'
import { createApiKey } from '../tenants/api-key.ts'
import { type Deal, makeDeal, newSigner } from '../testing/deals.ts'
import {
  addProvider,
  allowProcessing,
  CENT,
  credit,
  hold,
  NETWORK,
  type TestTenant,
} from '../testing/market.ts'
import { lineOf, makeStatement } from '../testing/statements.ts'
import { measureAll } from './jobs.ts'
import { dueMonths, judgeDueMonths } from './judge-month.ts'
import { serviceLevelsContract } from './service-levels-contract.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const NOVEMBER = Date.UTC(2026, 10, 2)
/** Sessions of this test are of December, and judged in January. */
const DECEMBER = Date.UTC(2026, 11, 10, 9)
const JUDGED_AT = Date.UTC(2027, 0, 5)
const RANGE = 'from=2026-12-01T00:00:00Z&to=2027-01-01T00:00:00Z'
const LEVEL = {
  availability: [
    { belowBps: 9990, creditBps: 1000 },
    { belowBps: 9500, creditBps: 3000 },
  ],
  pace: { msPerToken: 40, steps: [{ belowBps: 9500, creditBps: 500 }] },
  sessionsMin: 5,
  posting: 'automatic',
}

let opened: AccessApp
beforeAll(async () => {
  opened = await openAccessApp()
})
afterAll(() => opened?.[Symbol.asyncDispose]())

serviceLevelsContract('PGlite', async () => opened.context.store)

type Headers = Readonly<Record<string, string>>
interface Tenant extends TestTenant {
  readonly key: Headers
}

async function call(method: 'GET' | 'POST', url: string, headers: Headers, payload?: object) {
  const response = await opened.app.inject({
    method,
    url,
    headers,
    ...(payload !== undefined && { payload }),
  })
  // biome-ignore lint/suspicious/noExplicitAny: the shapes are what the tests are about
  return { status: response.statusCode, body: response.json<any>() }
}

async function send(url: string, bytes: Uint8Array, headers: Headers = {}) {
  const type = { 'content-type': 'application/cbor' }
  const { status, body } = await call('POST', url, { ...headers, ...type }, Buffer.from(bytes))
  expect({ status, body }).toMatchObject({ status: 200 })
  return body
}

async function addTenant(cents: bigint): Promise<Tenant> {
  const { context } = opened
  const { key, prefix, hash } = createApiKey()
  const organization = `org_${crypto.randomUUID()}`
  const consumer = newSigner()
  await context.store.createOrganization({
    id: organization,
    name: 'Test',
    key: { prefix, hash },
    consumers: [consumer.peerId],
    at: context.now(),
  })
  await allowProcessing(context.store, organization)
  await credit(context, organization, cents)
  return { organization, consumer, key: { authorization: `Bearer ${key}` } }
}

/** Sessions of a tenant with a provider: how each ended, and how many milliseconds a token took. */
async function sessions(
  tenant: Tenant,
  provider: Signer,
  ends: readonly { final: FinalReason | null; msPerToken?: number }[],
): Promise<Submission[]> {
  const { context } = opened
  const authorization = await hold(context, tenant, provider, CENT)
  const { consumer } = tenant
  const at = context.now()
  return ends.map(({ final, msPerToken = 10 }) => {
    const deal: Deal = makeDeal({ network: NETWORK, consumer, provider, at, authorization })
    const failed = final === 'engine-failed'
    const tokens = failed ? 0 : 100
    return deal.submission(0, tokens, {
      final,
      at: at + tokens * msPerToken,
      // What failed before the first token costs nothing, and counts all the same.
      ...(failed && { inputTokens: 0n, amount: 0n as never }),
    })
  })
}

const repeated = (count: number, final: FinalReason | null, msPerToken = 10) =>
  Array.from({ length: count }, () => ({ final, msPerToken }))

async function settle(submissions: readonly Submission[]): Promise<void> {
  const { results } = await send('/v1/receipts', writeSubmissions(submissions))
  for (const result of results) expect(result).toMatchObject({ status: 'booked' })
}

test('a month from promise to credit, by receipts that both sides signed', async () => {
  const { context } = opened
  const { clock, store } = context
  clock.now = NOVEMBER
  const promise = { scope: 'platform', effectiveFrom: '2026-12', level: LEVEL }
  expect((await call('POST', '/v1/admin/service-levels', ROOT, promise)).status).toBe(200)
  const late = { ...promise, effectiveFrom: '2026-11' }
  expect((await call('POST', '/v1/admin/service-levels', ROOT, late)).body.code).toBe(
    'HANSE_REQUEST_INVALID',
  )
  const nobody = { ...promise, scope: 'organization/org_nobody' }
  expect((await call('POST', '/v1/admin/service-levels', ROOT, nobody)).body.code).toBe(
    'HANSE_NOT_FOUND',
  )

  const mine = await addTenant(1_000n)
  const theirs = await addTenant(1_000n)
  const [bad, private_, slow] = [
    await addProvider(context),
    await addProvider(context),
    await addProvider(context),
  ]
  const { body: before } = await call('GET', '/v1/service-levels', mine.key)
  expect(before).toMatchObject({ current: null, next: { month: '2026-12', scope: 'platform' } })

  clock.now = DECEMBER
  await settle(
    await sessions(mine, bad, [
      ...repeated(18, 'completed'),
      ...repeated(2, 'engine-failed'),
      // Whatever a consumer can bring about counts for nothing.
      ...repeated(5, 'cancelled'),
      ...repeated(3, 'deadline'),
      ...repeated(2, null),
    ]),
  )
  await settle(
    await sessions(theirs, bad, [...repeated(5, 'completed'), ...repeated(1, 'engine-failed')]),
  )
  // One organization alone says so, together with the provider.
  await settle(
    await sessions(mine, private_, [...repeated(8, 'length'), ...repeated(2, 'engine-failed')]),
  )
  const stated = await sessions(mine, slow, [
    ...repeated(15, 'completed', 20),
    ...repeated(5, 'completed', 90),
  ])
  const authorization = stated[0]?.authorization
  if (authorization === undefined || authorization === null) throw new Error('no authorization')
  const parties = { network: NETWORK, consumer: mine.consumer, provider: slow, authorization }
  await send('/v1/statements', writeStatements([makeStatement(parties, stated.map(lineOf))]))
  await measureAll(context)

  const measured = async (
    group: string,
    key = mine.key,
    path = '/v1/service-levels/measurements',
  ) => {
    const { status, body } = await call('GET', `${path}?${RANGE}&group=${group}`, key)
    expect(status).toBe(200)
    return body.measurements
  }
  expect(await measured('day')).toEqual([
    {
      key: '2026-12-10',
      good: '46',
      failed: '4',
      ended: '8',
      cut: '2',
      availabilityBps: 9200,
      timed: '26',
      msPerTokenP50: 10,
      msPerTokenP95: 10,
      firstToken: { observed: '0', msP50: null, msP95: null },
      answer: { observed: '0', msP50: null, msP95: null },
    },
  ])

  // A Statement holds no times; its last receipts do, and nobody else's count.
  const show = (key: Headers) => send('/v1/service-levels/timings', writeSubmissions(stated), key)
  expect((await show(theirs.key)).timed).toEqual([])
  expect((await show(mine.key)).timed).toHaveLength(20)
  expect((await show(mine.key)).timed).toEqual([])
  const byProvider = await measured('provider')
  expect(byProvider.find(({ key }: { key: string }) => key === slow.peerId)).toMatchObject({
    timed: '20',
    msPerTokenP50: 20,
    msPerTokenP95: 112,
    availabilityBps: 10_000,
  })

  clock.now = JUDGED_AT
  const signed = async (signer: Signer) => {
    const url = `/v1/providers/self/service-levels?${RANGE}&group=day`
    const facts = { method: 'GET', url, network: NETWORK, settlement: context.signer.peerId }
    return call('GET', url, signRequest(signer, { ...facts, at: clock.now }))
  }
  const { body: own } = await signed(bad)
  expect(own.measurements).toMatchObject([{ good: '23', failed: '3', availabilityBps: 8846 }])

  const runs = await Promise.all([judgeDueMonths(context), judgeDueMonths(context)])
  expect(runs.reduce((sum, { credits }) => sum + credits, 0)).toBe(4)
  expect(await judgeDueMonths(context)).toEqual({ organizations: 0, credits: 0 })

  const { body: mineNow } = await call('GET', '/v1/service-levels/credits', mine.key)
  const creditOf = (provider: Signer) =>
    mineNow.credits.find((one: { provider: string }) => one.provider === provider.peerId)
  const posted = creditOf(bad)
  expect(posted).toMatchObject({ month: '2026-12', state: 'posted', creditBps: 3000, failed: '2' })
  // 30 % is more than the platform's quarter, which is what it gives back.
  const fee = (
    await store.serviceCredits({ organization: mine.organization, after: '', limit: 9 })
  ).find(({ id }) => id === posted.id)?.fee
  expect(BigInt(posted.amount)).toBe(fee)
  expect(BigInt(posted.amount) * 10n < BigInt(posted.spend) * 3n).toBe(true)
  expect(creditOf(private_)).toMatchObject({ state: 'proposed', creditBps: 3000 })
  expect(creditOf(slow)).toMatchObject({ state: 'proposed', creditBps: 500, slow: '5' })
  expect(creditOf(slow)).not.toHaveProperty('fee')

  const decide = (id: string, decision: string, body: object) =>
    call('POST', `/v1/admin/service-credits/${id}/${decision}`, ROOT, body)
  expect((await decide(creditOf(private_).id, 'waive', {})).status).toBe(400)
  const waived = await decide(creditOf(private_).id, 'waive', { note: 'one house' })
  expect(waived.body).toMatchObject({ state: 'waived', corroborated: false, decidedBy: 'root' })
  const approved = await decide(creditOf(slow).id, 'approve', {})
  expect(approved.body).toMatchObject({ state: 'posted' })
  expect((await decide(creditOf(slow).id, 'approve', {})).body.code).toBe(
    'HANSE_SERVICE_CREDIT_STATE',
  )

  const { body: ledger } = await call('GET', '/v1/admin/ledger/check', ROOT)
  expect(ledger.differences).toEqual([])
  const { body: told } = await call('GET', '/v1/events?limit=50', mine.key)
  const kinds = told.events.map(({ kind }: { kind: string }) => kind)
  expect(kinds.filter((kind: string) => kind === 'sla.missed')).toHaveLength(3)
  expect(kinds.filter((kind: string) => kind === 'sla.credited')).toHaveLength(2)

  clock.now = Date.UTC(2027, 1, 2)
  for (const month of ['2026-11', '2026-12', '2027-01']) {
    expect(await closeMonth(context, month)).toMatchObject({ closed: true })
  }
  const { body: issued } = await call('GET', '/v1/documents?limit=50', mine.key)
  const january = issued.documents[0]
  expect(january).toMatchObject({ kind: 'usage-statement', period: { from: Date.UTC(2027, 0) } })
  const { body: statement } = await call('GET', `/v1/documents/${january.number}.json`, mine.key)
  const amount = BigInt(posted.amount) + BigInt(approved.body.amount)
  expect(statement.account.movements).toEqual([{ kind: 'service_credit', amount: `${amount}` }])

  const { body: own2 } = await call('GET', '/v1/service-levels/credits', theirs.key)
  expect(own2.credits).toHaveLength(1)
  expect(own2.credits[0]).toMatchObject({ provider: bad.peerId, state: 'posted' })
})

test('a time that is shown before its session is counted, or while it counts as cut, counts once', async () => {
  const { context } = opened
  context.clock.now = Date.UTC(2027, 3, 1, 9)
  const tenant = await addTenant(100n)
  const provider = await addProvider(context)
  const authorization = await hold(context, tenant, provider, CENT)
  const { consumer } = tenant
  const at = context.now()
  const parties = { network: NETWORK, consumer, provider, authorization }
  const last = { final: 'completed', at: at + 1_000 } as const
  const [early, cut] = [makeDeal({ ...parties, at }), makeDeal({ ...parties, at })]
  await settle([cut.submission(0, 50)])
  await measureAll(context)
  const ends = [early.submission(0, 100, last), cut.submission(1, 100, last)]
  await send('/v1/statements', writeStatements([makeStatement(parties, ends.map(lineOf))]))
  const show = () => send('/v1/service-levels/timings', writeSubmissions(ends), tenant.key)
  expect((await show()).timed).toHaveLength(2)
  await measureAll(context)
  expect((await show()).timed).toEqual([])
  const query = 'from=2027-04-01T00:00:00Z&to=2027-05-01T00:00:00Z'
  const { body } = await call('GET', `/v1/service-levels/measurements?${query}`, tenant.key)
  expect(body.measurements).toMatchObject([{ good: '2', cut: '0', timed: '2', msPerTokenP50: 10 }])
})

test('maintenance is announced a day before, in whole hours, and then does not count', async () => {
  const { context } = opened
  context.clock.now = Date.UTC(2027, 1, 1, 9)
  const tenant = await addTenant(100n)
  const provider = await addProvider(context)
  const at = (hours: number) => new Date(context.now() + hours * HOUR_MS).toISOString()
  const announce = (from: number, to: number) =>
    call('POST', '/v1/admin/maintenance-windows', ROOT, {
      provider: provider.peerId,
      from: at(from),
      to: at(to),
      reason: 'new cards',
    })
  expect((await announce(23, 25)).body.code).toBe('HANSE_REQUEST_INVALID')
  expect((await announce(24, 37)).body.code).toBe('HANSE_REQUEST_INVALID')
  const { body: window } = await announce(48, 50)
  expect(window).toMatchObject({ reason: 'new cards', cancelledAt: null })
  const { body: called } = await announce(72, 73)
  const cancel = `/v1/admin/maintenance-windows/${called.id}/cancel`
  expect((await call('POST', cancel, ROOT)).status).toBe(200)
  expect((await call('POST', cancel, ROOT)).body.code).toBe('HANSE_NOT_FOUND')

  for (const hours of [47, 48, 49, 50, 72]) {
    context.clock.now = Date.UTC(2027, 1, 1, 9) + hours * HOUR_MS
    await settle(await sessions(tenant, provider, repeated(1, 'engine-failed')))
  }
  await measureAll(context)
  const query = 'from=2027-02-01T00:00:00Z&to=2027-03-01T00:00:00Z'
  const { body } = await call('GET', `/v1/service-levels/measurements?${query}`, tenant.key)
  expect(body.measurements).toMatchObject([{ failed: '3', availabilityBps: 0 }])
  const { body: levels } = await call('GET', '/v1/service-levels', tenant.key)
  expect(levels.maintenance).toHaveLength(2)
})

test('credits are spent, and not paid out', async () => {
  const { context } = opened
  const { store, now } = context
  const tenant = await addTenant(200n)
  const { organization } = tenant
  const topUp = (await store.topUps({ organization, limit: 1 }))[0]?.id ?? ''
  const provider = await addProvider(context)
  const authorization = await hold(context, tenant, provider, 40n * CENT)
  // Ten input tokens of a cent each.
  const spend = () =>
    settle([
      makeDeal({
        network: NETWORK,
        consumer: tenant.consumer,
        provider,
        at: now(),
        authorization,
        inputPrice: CENT,
      }).submission(0, 0, { final: 'completed' }),
    ])
  const refund = (cents: bigint) =>
    store.beginRefund({
      id: `re-${crypto.randomUUID()}`,
      organization,
      topUp,
      cents,
      at: now(),
      idempotencyKey: crypto.randomUUID(),
      requestDigest: '',
    })
  await spend()
  context.clock.now += 1_000
  await giveCredit(organization, provider, 40n)
  await spend()
  await refund(100n)
  await expect(refund(91n)).rejects.toMatchObject({ code: 'HANSE_REFUND_LIMIT' })
  await refund(90n)
  expect((await store.ledgerCheck()).differences).toEqual([])
})

async function giveCredit(organization: string, provider: Signer, cents: bigint): Promise<void> {
  const { store, now } = opened.context
  const month = monthOf(now())
  const level = await store.addServiceLevel({
    scope: 'platform',
    effectiveFrom: month,
    level: null,
    createdBy: 'root',
    createdAt: now(),
  })
  const amount = cents * CENT
  const credits = [
    {
      id: `sc_${crypto.randomUUID()}`,
      provider: provider.peerId,
      posted: true,
      amount,
      good: 1n,
      failed: 1n,
      slow: 0n,
      creditBps: 1000,
      spend: amount,
      fee: amount,
      corroborated: true,
    },
  ]
  await store.judge({ organization, month, level: level.id, credits, events: [] }, now())
}

test('months are judged when their last receipts are there, and those that were missed before them', () => {
  const [second, fourth] = [Date.UTC(2027, 0, 3) + DAY_MS - 1, Date.UTC(2027, 0, 4)]
  expect(dueMonths(second)).toEqual(['2026-09', '2026-10', '2026-11'])
  expect(dueMonths(fourth)).toEqual(['2026-10', '2026-11', '2026-12'])
})
