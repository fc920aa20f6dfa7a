import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'vitest'
import { activeAccount, assertBalanced, charge, openFixture } from './fixture.ts'

async function openFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'stripe-double-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

test('a double that is started again goes on where it was', async () => {
  await using folder = await openFolder()
  const statePath = join(folder.path, 'kept', 'state.json')
  let destination: string
  let transfer: string
  {
    await using fixture = await openFixture({ statePath })
    destination = await activeAccount(fixture)
    await charge(fixture.stripe, 10_000)
    await charge(fixture.stripe, 10_000, 'pm_card_visa')
    const params = { amount: 500, currency: 'eur', destination }
    transfer = (await fixture.stripe.transfers.create(params, { idempotencyKey: 'k' })).id
    await fixture.double.advance(1_000)
  }
  await using fixture = await openFixture({ statePath })
  const { stripe, double } = fixture
  const params = { amount: 500, currency: 'eur', destination }
  const again = await stripe.transfers.create(params, { idempotencyKey: 'k' })
  assert.equal(again.id, transfer)
  assert.equal((await stripe.transfers.list()).data.length, 1)
  await stripe.transfers.create(params)
  await double.advance(2 * 86_400_000)
  const balance = await stripe.balance.retrieve()
  assert.equal(balance.available[0]?.amount, 2 * 9_825 - 1_000)
  await assertBalanced(stripe, [destination])
  assert.deepEqual(await readdir(join(folder.path, 'kept')), ['state.json'])
})

test('an answer is on disk before it is heard', async () => {
  await using folder = await openFolder()
  const statePath = join(folder.path, 'state.json')
  await using fixture = await openFixture({ statePath })
  const made = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const { id } = await fixture.stripe.customers.create({ name: `${index}` })
      assert.ok((await readFile(statePath, 'utf8')).includes(id))
      return id
    }),
  )
  assert.equal(new Set(made).size, 20)
})

test('undelivered webhooks are still there after a start', async () => {
  await using folder = await openFolder()
  const statePath = join(folder.path, 'state.json')
  const webhooks = [{ url: 'http://127.0.0.1:9/', secret: 'whsec_x' }]
  {
    await using fixture = await openFixture({ statePath, webhooks, delivery: 'manual' })
    await fixture.stripe.customers.create({ name: 'a' })
  }
  await using fixture = await openFixture({ statePath, webhooks, delivery: 'manual' })
  assert.deepEqual(await fixture.double.deliverWebhooks(), { delivered: 0, failed: 1 })
})

test('a file that is no state of ours is refused, not overwritten', async () => {
  await using folder = await openFolder()
  const statePath = join(folder.path, 'state.json')
  await writeFile(statePath, '{"version":99}')
  await assert.rejects(openFixture({ statePath }), /version 2/)
  assert.equal(await readFile(statePath, 'utf8'), '{"version":99}')
})

const cents = fc.integer({ min: 50, max: 20_000 })
const step = fc.oneof(
  fc.record({
    kind: fc.constant('charge' as const),
    amount: cents,
    card: fc.constantFrom(
      'pm_card_visa',
      'pm_card_bypassPending',
      'pm_card_chargeDeclined',
      'pm_card_createDispute',
      'pm_card_refundFail',
      'pm_sepaDebit',
      'pm_sepaDebitFails',
    ),
  }),
  fc.record({ kind: fc.constant('refund' as const), amount: cents, charge: fc.nat(10) }),
  fc.record({
    kind: fc.constant('decide' as const),
    dispute: fc.nat(5),
    outcome: fc.constantFrom('won' as const, 'lost' as const),
  }),
  fc.record({ kind: fc.constant('transfer' as const), amount: cents, account: fc.nat(1) }),
  fc.record({ kind: fc.constant('reversal' as const), amount: cents, transfer: fc.nat(10) }),
  fc.record({ kind: fc.constant('advance' as const), hours: fc.integer({ min: 1, max: 60 }) }),
  fc.record({
    kind: fc.constant('fail' as const),
    operation: fc.constantFrom('Transfers.create', 'PaymentIntents.create'),
    when: fc.constantFrom('before' as const, 'after' as const),
    status: fc.constantFrom(500, 503, 'drop' as const),
  }),
)

test('whatever is done, the sum of net is available and pending, on every account', async () => {
  const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
    await using fixture = await openFixture()
    const { stripe, double } = fixture
    const accounts = [await activeAccount(fixture), await activeAccount(fixture)]
    const transfers: string[] = []
    for (const next of steps) {
      // A refusal is a legal answer; only the books matter here.
      if (next.kind === 'charge')
        await charge(stripe, next.amount, next.card).catch(() => undefined)
      if (next.kind === 'transfer') {
        const destination = accounts[next.account] ?? ''
        const params = { amount: next.amount, currency: 'eur', destination }
        const made = await stripe.transfers.create(params).catch(() => undefined)
        if (made !== undefined) transfers.push(made.id)
      }
      if (next.kind === 'reversal') {
        const id = transfers[next.transfer % Math.max(transfers.length, 1)] ?? 'tr_none'
        const { amount } = next
        await stripe.transfers.createReversal(id, { amount }).catch(() => undefined)
      }
      if (next.kind === 'refund') {
        const { data } = await stripe.paymentIntents.list({ limit: 100 })
        const intent = data[next.charge % Math.max(data.length, 1)]?.id ?? 'pi_none'
        const { amount } = next
        await stripe.refunds.create({ payment_intent: intent, amount }).catch(() => undefined)
      }
      if (next.kind === 'decide') {
        const { data } = await stripe.disputes.list({ limit: 100 })
        const dispute = data[next.dispute % Math.max(data.length, 1)]
        if (dispute !== undefined) await double.decideDispute(dispute.id, next.outcome)
      }
      if (next.kind === 'advance') await double.advance(next.hours * 3_600_000)
      if (next.kind === 'fail') double.failNext(next)
    }
    await assertBalanced(stripe, accounts)
  })
  // The library sleeps half a second before it retries a closed connection.
  await fc.assert(property, { numRuns: 30, seed: 20_261_028, interruptAfterTimeLimit: 20_000 })
})
