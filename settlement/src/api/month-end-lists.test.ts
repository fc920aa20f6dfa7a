import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AccessApp, openAccessApp, ROOT } from '../access/testing/access-app.ts'
import { addTenant, credit, NOW } from '../testing/market.ts'

let opened: AccessApp
beforeAll(async () => {
  opened = await openAccessApp()
}, 60_000)
afterAll(() => opened?.[Symbol.asyncDispose]())

const get = async (url: string) => {
  const answer = await opened.app.inject({ method: 'GET', url, headers: ROOT })
  expect(answer.statusCode, answer.body).toBe(200)
  return answer.json()
}
const insert = (statement: string, values: unknown[]) =>
  opened.context.store.executeSql(statement, values)
const iso = (at: number) => new Date(at).toISOString()

test('before anything is booked no month is due, and there is nothing on the books', async () => {
  expect(await get('/v1/admin/months')).toEqual({
    due: null,
    closes: 'when-clear',
    months: [],
    next: null,
  })
  expect((await get('/v1/admin/ledger/balances')).balances).toEqual([])
})

test('accounts of a kind are summed, and all debits are all credits', async () => {
  for (const cents of [1_000n, 234n]) {
    const { organization } = await addTenant(opened.context, 0n)
    await credit(opened.context, organization, cents)
  }
  const { balances } = await get('/v1/admin/ledger/balances')
  const find = (kind: string) =>
    balances.find((row: { kind: string }) => row.kind === kind) ?? expect.fail(kind)
  expect(find('available')).toMatchObject({ accounts: 2, debits: '0', credits: '12340000000000' })
  expect(find('stripe_clearing').debits).toBe('12340000000000')
  const sum = (side: 'debits' | 'credits') =>
    balances.reduce((all: bigint, row: Record<string, string>) => all + BigInt(row[side] ?? 0), 0n)
  expect(sum('debits')).toBe(sum('credits'))
})

test('the month of the first booking is due, over an hour after its end, and then the next one', async () => {
  const month = iso(NOW).slice(0, 7)
  const { due } = await get('/v1/admin/months')
  expect(due).toMatchObject({ month, isOver: false })
  expect(due.points).toContainEqual({ point: 'comparison', open: 1 })
  const end = Date.UTC(new Date(NOW).getUTCFullYear(), new Date(NOW).getUTCMonth() + 1)
  expect(due.closableAt).toBe(end + 3_600_000)
  await insert('insert into closed_month (month, closed_at) values ($1::date, $2::timestamptz)', [
    `${month}-01`,
    iso(NOW),
  ])
  const after = await get('/v1/admin/months')
  expect(after.due.month).toBe(iso(end).slice(0, 7))
  // As a release that knows of no reasons has written it.
  const unknown = { closedBy: null, reason: null, open: [] }
  expect(after.months).toEqual([{ month, closedAt: NOW, ...unknown, statements: 0 }])
  expect((await get(`/v1/admin/months?before=${month}`)).months).toEqual([])
})

test('differences of one moment come in pages, each once, and each with both of its sides', async () => {
  const found = ['tr_a', 'tr_b', 'tr_c'].map((subject) => ({
    side: 'ledger-stripe' as const,
    subject,
    expected: '0',
    actual: '-77',
    reason: 'not-in-ledger' as const,
    state: 'open' as const,
  }))
  const done = { whole: true, since: 0, until: NOW, askedBy: 'anna', startedAt: NOW }
  const counted = { movements: 1, stripeCents: 0n, balanceCompared: true }
  await opened.context.store.recordReconciliation({ ...done, ...counted }, found, NOW)
  await insert(
    `insert into stripe_movement (id, key, type, category, amount_cents, fee_cents, net_cents, created_at, available_on)
      values ('txn_1', 'tr_b', 'transfer', 'transfer', -77, 0, -77, $1::timestamptz, $1::timestamptz)`,
    [iso(NOW)],
  )
  const first = await get('/v1/admin/differences?limit=2')
  const second = await get(`/v1/admin/differences?limit=2&before=${first.next}`)
  const all: { id: string; subject: string }[] = [...first.differences, ...second.differences]
  expect(all.map(({ subject }) => subject).toSorted()).toEqual(['tr_a', 'tr_b', 'tr_c'])
  expect(second.next).toBeNull()
  const { id } = all.find(({ subject }) => subject === 'tr_b') ?? expect.fail('tr_b')
  expect(await get(`/v1/admin/differences/${id}`)).toMatchObject({
    id,
    booked: [],
    seen: [{ id: 'txn_1', type: 'transfer', netCents: '-77', feeCents: '0', at: NOW }],
  })
  const missing = { method: 'GET', url: '/v1/admin/differences/rd-x', headers: ROOT } as const
  expect((await opened.app.inject(missing)).statusCode).toBe(404)
})

test('disputes come in pages', async () => {
  const { organization } = await addTenant(opened.context, 0n)
  for (const [number, id] of ['dp_a', 'dp_b', 'dp_c'].entries()) {
    await insert(
      `insert into dispute (id, organization, payment_intent, cents, reason, status, created_at, updated_at)
        values ($1, $2, $3, 500, 'fraudulent', 'needs-response', $4::timestamptz, $4::timestamptz)`,
      [id, organization, `pi_${id}`, iso(NOW + number)],
    )
  }
  const first = await get('/v1/admin/disputes?limit=2')
  expect(first.disputes.map(({ id }: { id: string }) => id)).toEqual(['dp_c', 'dp_b'])
  const second = await get(`/v1/admin/disputes?limit=2&before=${first.next}`)
  expect(second.disputes.map(({ id }: { id: string }) => id)).toEqual(['dp_a'])
  expect(second.next).toBeNull()
})
