import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStore, type SettlementStore } from '../db/store.ts'
import { startPostgres, type TestPostgres } from '../db/testing/embedded-postgres.ts'
import { addTenant, NOW, testContext } from '../testing/market.ts'
import { LEASE_MS } from './deliver.ts'
import { deliveryContract } from './delivery-contract.ts'
import { addTestChannel } from './testing/channels.ts'
import { openReceiver } from './testing/receiver.ts'

const PROCESS = fileURLToPath(new URL('testing/notify-process.ts', import.meta.url))

let server: TestPostgres
let databaseUrl: string
let store: SettlementStore
const children: ChildProcess[] = []
beforeAll(async () => {
  server = await startPostgres()
  databaseUrl = await server.createDatabase()
  store = await openStore({ databaseUrl })
}, 120_000)
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await store.close()
  await server[Symbol.asyncDispose]()
})

deliveryContract('PostgreSQL', async () => store)

function start(at: number) {
  const child = spawn(process.execPath, [PROCESS, databaseUrl, String(at)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  return child
}
const resultOf = async (child: ReturnType<typeof start>) =>
  JSON.parse(await text(child.stdout)) as { delivered: number }

async function tell(address: string, times: number): Promise<string> {
  const { organization } = await addTenant(testContext(store), 0n)
  await addTestChannel(store, organization, { address, at: NOW })
  const events = Array.from({ length: times }, () => ({
    organization,
    kind: 'budget.threshold' as const,
    subject: 'team-a',
    cause: randomUUID(),
  }))
  await store.emitEvents(events, NOW)
  return organization
}

test('a process that is killed between sending and saying so loses nothing: the next one sends it under the same id', async () => {
  await using receiver = await openReceiver()
  const organization = await tell(receiver.url, 1)
  const arrived = new Promise<void>((resolve) => {
    receiver.answer = () => resolve()
  })
  const doomed = start(NOW)
  await arrived
  doomed.kill('SIGKILL')
  await once(doomed, 'exit')
  receiver.answer = (response) => response.end()
  expect(await resultOf(start(NOW + LEASE_MS - 1))).toMatchObject({ delivered: 0 })
  expect(await resultOf(start(NOW + LEASE_MS))).toMatchObject({ delivered: 1 })
  const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
  expect(ids).toHaveLength(2)
  expect(new Set(ids).size).toBe(1)
  const [delivery] = await store.deliveries({ owner: organization, limit: 9 })
  expect(delivery).toMatchObject({ id: ids[0], state: 'delivered', attempts: 2 })
}, 120_000)

test('two processes at once send each message once', async () => {
  await using receiver = await openReceiver()
  await tell(receiver.url, 40)
  await tell(receiver.url, 40)
  const results = await Promise.all([start(NOW), start(NOW)].map(resultOf))
  expect(results.map(({ delivered }) => delivered).reduce((a, b) => a + b)).toBe(80)
  const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
  expect(ids).toHaveLength(80)
  expect(new Set(ids).size).toBe(80)
}, 120_000)
