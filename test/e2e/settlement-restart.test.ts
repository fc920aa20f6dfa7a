import assert from 'node:assert/strict'
import { writeSubmissions } from '@hanse/settlement'
import { makeDeal } from '@hanse/settlement/testing'
import { afterAll, beforeAll, test } from 'vitest'
import { Cluster, NETWORK, OPERATOR } from '../support/settlement/cluster.ts'
import {
  ask,
  authorization,
  balanceOf,
  newProvider,
  newTenant,
  topUp,
} from '../support/settlement/customers.ts'

const EURO = 10n ** 12n
/** Several probes of the balancer. */
const SHUTDOWN_DELAY_MS = 1_000
const PAUSE_MS = 60

let cluster: Cluster
beforeAll(async () => {
  cluster = await Cluster.start({
    store: 'postgres',
    processes: 2,
    args: ['--shutdown-delay-ms', `${SHUTDOWN_DELAY_MS}`, '--verify-threads', '1'],
  })
})
afterAll(() => cluster?.[Symbol.asyncDispose]())

test('two processes are restarted one after the other under load, and no request fails', async () => {
  const { url } = cluster.balancer
  const tenant = await newTenant(url)
  const provider = await newProvider(url)
  await topUp(url, tenant, 100_000, 'first')
  const held = await authorization(url, tenant, provider, 900n * EURO, 'promise')
  const parties = { network: NETWORK, consumer: tenant.consumer, provider, authorization: held }
  let isLoaded = true
  let answered = 0
  let spent = 0n
  const failures: string[] = []
  const load = async (work: () => Promise<unknown>) => {
    while (isLoaded) {
      await work().then(
        () => answered++,
        (error: Error) => failures.push(error.message),
      )
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }
  const book = async () => {
    const deals = [1, 2, 3].map(() => makeDeal({ ...parties, at: Date.now() }))
    const cbor = writeSubmissions(deals.map((deal) => deal.submission(0, 5)))
    const { results } = await ask<{ results: { status: string; increase: string }[] }>(
      url,
      'POST',
      '/v1/receipts',
      { cbor },
    )
    for (const { status, increase } of results) {
      assert.equal(status, 'booked')
      spent += BigInt(increase)
    }
  }
  const loads = [load(book), load(book), load(() => balanceOf(url, tenant))]
  const atLeast = async (more: number) => {
    const until = answered + more
    while (answered < until && failures.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }
  await atLeast(20)
  for (const i of [0, 1]) {
    await cluster.stop(i)
    await atLeast(5)
    await cluster.startService(i)
    await atLeast(20)
  }
  isLoaded = false
  await Promise.all(loads)

  assert.deepEqual(failures, [])
  assert.ok(spent > 0n)
  const { available, held: rest } = await balanceOf(url, tenant)
  assert.equal(BigInt(available) + BigInt(rest), 1_000n * EURO - spent)
  const check = await ask<{ balanced: boolean }>(url, 'GET', '/v1/admin/ledger/check', {
    key: OPERATOR,
  })
  assert.equal(check.balanced, true)
})
