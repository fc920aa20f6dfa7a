import assert from 'node:assert/strict'
import { test } from 'vitest'
import { openPayments, type PaymentsFixture, startMs } from './double/fixture.ts'
import type { EventsSince, PolledEvent } from './events.ts'

const dayMs = 86_400_000

async function polled({ payments }: PaymentsFixture, since: EventsSince): Promise<PolledEvent[]> {
  const found: PolledEvent[] = []
  for await (const event of payments.events(since)) found.push(event)
  return found
}

async function customers({ payments }: PaymentsFixture, from: number, count: number) {
  for (let i = from; i < from + count; i += 1) {
    await payments.createCustomer({ organization: `o-${i}`, operation: `c-${i}` })
  }
}

test('a poller finds every event once, oldest first, from a time or from the last it saw', async () => {
  await using fixture = await openPayments()
  const { payments, double } = fixture
  await customers(fixture, 0, 60)
  await double.advance(2 * 3_600_000)
  await customers(fixture, 60, 60)
  const all = await polled(fixture, { sinceMs: startMs })
  assert.equal(all.length, 120)
  const ids = all.map(({ event }) => event.id)
  assert.deepEqual(
    ids,
    double.events().map((event) => Reflect.get(event, 'id')),
  )
  const seen = ids[30] ?? ''
  const rest = await polled(fixture, { after: seen })
  assert.deepEqual(
    rest.map(({ event }) => event.id),
    ids.slice(31),
  )
  assert.deepEqual(await polled(fixture, { after: ids.at(-1) ?? '' }), [])
  const [first] = all
  assert.ok(first !== undefined)
  assert.deepEqual(payments.eventOf(first.rawBody), first.event)
  assert.throws(() => payments.eventOf(Buffer.from('{}')), TypeError)
})

test('Stripe forgets events after 30 days', async () => {
  await using fixture = await openPayments()
  const { double } = fixture
  await customers(fixture, 0, 1)
  const [first] = await polled(fixture, { sinceMs: startMs })
  await double.advance(29 * dayMs)
  await customers(fixture, 1, 1)
  assert.equal((await polled(fixture, { sinceMs: startMs })).length, 2)
  await double.advance(dayMs)
  assert.equal((await polled(fixture, { sinceMs: startMs })).length, 1)
  await assert.rejects(polled(fixture, { after: first?.event.id ?? '' }), {
    code: 'HANSE_STRIPE_REFUSED',
    stripeCode: 'resource_missing',
  })
})

test('events about accounts are read to the last page, and lead to their account', async () => {
  await using fixture = await openPayments()
  const { payments } = fixture
  const accounts: string[] = []
  for (let i = 0; i < 105; i += 1) {
    const request = { providerId: `p-${i}`, country: 'DE', operation: `a-${i}` }
    accounts.push((await payments.createProviderAccount(request)).account)
  }
  const related: (string | undefined)[] = []
  for await (const { event, rawBody } of payments.accountEvents({ sinceMs: startMs })) {
    assert.ok(event.kind === 'thin')
    assert.deepEqual(payments.eventOf(rawBody), event)
    related.push(event.related?.id)
  }
  assert.deepEqual(related, accounts)
  const none = payments.accountEvents({ sinceMs: startMs + 1 })[Symbol.asyncIterator]()
  assert.equal((await none.next()).done, true)
})
