import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AccessApp, openAccessApp, ROOT } from '../access/testing/access-app.ts'
import { runPayouts } from '../payouts/payout-run.ts'
import { ingest } from '../receipts/ingest.ts'
import { makeDeal } from '../testing/deals.ts'
import { addProvider, addTenant, CENT, hold, NETWORK } from '../testing/market.ts'

let opened: AccessApp
beforeAll(async () => {
  opened = await openAccessApp({ requestsPerMinute: 1_000_000 })
})
afterAll(() => opened[Symbol.asyncDispose]())

async function get(url: string, headers: Record<string, string> = ROOT) {
  const answer = await opened.app.inject({ method: 'GET', url, headers })
  // biome-ignore lint/suspicious/noExplicitAny: the shapes are what the tests are about
  return { status: answer.statusCode, body: answer.json<any>() }
}

/** A provider who was paid for some sessions, and is owed the rest of a cent. */
async function paidProvider(sessions: number) {
  const { context } = opened
  const tenant = await addTenant(context, 1_000n)
  const provider = await addProvider(context)
  const authorization = await hold(context, tenant, provider, 900n * CENT)
  const parties = { network: NETWORK, consumer: tenant.consumer, provider, authorization }
  const deals = Array.from({ length: sessions }, () => makeDeal({ ...parties, at: context.now() }))
  await ingest(
    context,
    deals.map((deal) => deal.submission(0, 100_003)),
  )
  await runPayouts(context)
  return { tenant, provider, deals }
}

test('an operator goes from a payout to each of its sessions, page by page, and back', async () => {
  const { provider, deals } = await paidProvider(5)
  const { payouts } = (await get(`/v1/admin/payouts?provider=${provider.peerId}`)).body
  const payout = payouts[0].id
  const { body: earnings } = await get(`/v1/admin/payouts/${payout}/earnings`)
  const [{ count, amount }] = earnings.movements
  expect([earnings.from, earnings.opening, count]).toEqual([null, '0', 5])
  expect(BigInt(earnings.paid) + BigInt(earnings.closing)).toBe(BigInt(amount))

  const seen: { id: string; amount: string }[] = []
  const account = encodeURIComponent(earnings.account)
  for (let before: string | null = earnings.until; before !== null; ) {
    const { body } = await get(
      `/v1/admin/ledger/entries?account=${account}&before=${before}&limit=2`,
    )
    seen.push(...body.entries)
    before = body.next
  }
  expect(seen).toHaveLength(5)
  expect(seen.reduce((sum, entry) => sum + BigInt(entry.amount), 0n)).toBe(BigInt(amount))

  const found = new Set<string>()
  for (const { id } of seen) {
    const { body } = await get(`/v1/admin/ledger/transfers/${id}`)
    expect(body.paidBy).toMatchObject({ payout })
    const trail = await get(`/v1/admin/sessions/${body.cause.id}`)
    expect(trail.body.postings[0].paidBy).toMatchObject({ payout })
    found.add(trail.body.session)
  }
  expect(found).toEqual(new Set(deals.map(({ session }) => session)))
})

test('lists go on where they ended, and say what they need', async () => {
  const { tenant, provider } = await paidProvider(3)
  const list = `/v1/admin/sessions?provider=${provider.peerId}&limit=2`
  const { body } = await get(list)
  const rest = await get(`${list}&before=${encodeURIComponent(body.next)}`)
  const keys = [...body.sessions, ...rest.body.sessions].map(({ key }) => key)
  expect(new Set(keys).size).toBe(3)
  expect(await get('/v1/admin/sessions')).toMatchObject({
    status: 400,
    body: { code: 'HANSE_REQUEST_INVALID' },
  })
  const first = (await get('/v1/admin/organizations?limit=1')).body
  const second = (await get(`/v1/admin/organizations?limit=1&after=${first.next}`)).body
  expect(second.organizations[0].organization > first.organizations[0].organization).toBe(true)
  const { organization } = tenant
  expect((await get(`/v1/admin/organizations/${organization}`)).body).toMatchObject({
    organization,
    members: [],
    disabledAt: null,
  })
  expect((await get('/v1/admin/providers?concern=unattested')).body.providers).toContainEqual(
    expect.objectContaining({ provider: provider.peerId, level: null }),
  )
  const { totals } = (await get('/v1/admin/ledger/totals')).body
  const sum = (side: 'debits' | 'credits') =>
    totals.reduce((all: bigint, one: Record<string, string>) => all + BigInt(one[side] ?? '0'), 0n)
  expect(sum('debits')).toBe(sum('credits'))
})

test('what is not there is told as that, and nobody else may look', async () => {
  for (const path of [
    'ledger/transfers/999999999',
    'payouts/po-none/earnings',
    'sessions/none',
    'statements/none',
    'organizations/org_none',
  ]) {
    expect(await get(`/v1/admin/${path}`)).toMatchObject({ status: 404 })
    expect((await get(`/v1/admin/${path}`, {})).status).toBe(401)
  }
  const support = await opened.app.inject({
    method: 'POST',
    url: '/v1/admin/operators',
    headers: ROOT,
    payload: { name: 'Sofie', role: 'support' },
  })
  const theirs = { authorization: `Bearer ${support.json<{ token: string }>().token}` }
  expect((await get('/v1/admin/ledger/accounts', theirs)).status).toBe(403)
  expect((await get('/v1/admin/organizations', theirs)).status).toBe(200)
})
