import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { encodeCanonical } from '@hanse/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PGliteStore } from '../db/pglite.ts'
import { writeStatements } from '../receipts/statement-batch.ts'
import { writeSubmissions } from '../receipts/submission.ts'
import { openSettlement } from '../settlement.ts'
import { openTestStore } from '../testing/database-template.ts'
import { makeDeal } from '../testing/deals.ts'
import { addProvider, addTenant, CENT, hold, NETWORK, testContext } from '../testing/market.ts'
import { lineOf, makeStatement } from '../testing/statements.ts'
import { type IngestOptions, openIngest } from './ingest-service.ts'

let store: PGliteStore
beforeAll(async () => {
  store = await openTestStore()
})
afterAll(() => store.close())

async function setUp(options: Omit<IngestOptions, 'context'> = {}) {
  const context = testContext(store)
  const tenant = await addTenant(context, 100n)
  const provider = await addProvider(context)
  const authorization = await hold(context, tenant, provider, 100n * CENT)
  const parties = { network: NETWORK, consumer: tenant.consumer, provider, authorization }
  const submission = () => makeDeal({ ...parties, at: context.now() }).submission(0, 5)
  const ingest = openIngest({ context, verifyThreads: 1, ...options })
  return { context, parties, submission, ingest }
}

const workerUrl = new URL('./ingest-worker.ts', import.meta.url)

test.each([0, 1, 2])(
  'with %i threads batches are verified, booked and counted',
  async (threads) => {
    const { submission, parties, ingest } = await setUp({ verifyThreads: threads })
    await using _ = ingest
    const [one, two, three] = [submission(), submission(), submission()]
    const broken = { ...one, receipt: { ...one.receipt, bytes: one.receipt.bytes.slice(1) } }
    expect(await ingest.receipts(writeSubmissions([one, broken, two]))).toMatchObject([
      { status: 'booked', increase: 2_000_000n },
      { status: 'rejected', code: 'HANSE_RECORD_MALFORMED' },
      { status: 'booked' },
    ])
    const line = { ...lineOf(three), final: 'completed' as const }
    const statement = makeStatement(parties, [lineOf(one), line])
    expect(await ingest.statements(writeStatements([statement]))).toMatchObject([
      { status: 'booked', increase: 2_000_000n, sessions: { booked: 1, duplicate: 1 } },
    ])
    expect(ingest.counts.all).toEqual({ HANSE_RECORD_MALFORMED: 1, booked: 3, duplicate: 1 })
    // What is wrong with the batch as a whole is told with its code.
    await expect(ingest.receipts(encodeCanonical({ items: 1 }))).rejects.toMatchObject({
      code: 'HANSE_REQUEST_INVALID',
    })
    await expect(ingest.receipts(Uint8Array.of(0xff))).rejects.toMatchObject({
      code: 'HANSE_RECORD_MALFORMED',
    })
  },
)

test('a thread that ends fails its batches for another try, and another thread takes them', async () => {
  const workers: Worker[] = []
  const crashes: unknown[] = []
  const { submission, ingest } = await setUp({
    spawn: (workerData) => {
      const worker = new Worker(workerUrl, { workerData })
      workers.push(worker)
      return worker
    },
    onCrash: (error) => crashes.push(error),
  })
  await using _ = ingest
  const body = () => writeSubmissions([one])
  const one = submission()
  const lost = ingest.receipts(body())
  await Promise.all([
    expect(lost).rejects.toMatchObject({ code: 'HANSE_INGEST_INTERRUPTED' }),
    workers[0]?.terminate(),
  ])
  expect(await ingest.receipts(body())).toMatchObject([{ session: expect.any(String) }])
  expect(workers).toHaveLength(2)
  expect(crashes).toHaveLength(1)
})

test('what was taken is finished before the threads end, and nothing is taken after', async () => {
  const { submission, ingest } = await setUp()
  const batches = Array.from({ length: 12 }, () =>
    ingest.receipts(writeSubmissions([submission()])),
  )
  const closed = ingest[Symbol.asyncDispose]()
  for (const results of await Promise.all(batches)) {
    expect(results).toMatchObject([{ status: 'booked' }])
  }
  await closed
  await expect(ingest.receipts(writeSubmissions([submission()]))).rejects.toMatchObject({
    code: 'HANSE_STORE_CLOSED',
  })
})

test('a full room answers 429 before a body is read, and has room again when it has left', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'hanse-ingest-'))
  try {
    await using settlement = await openSettlement({
      dataDir,
      network: NETWORK,
      verifyThreads: 0,
      ingestLimits: { bytesMax: 1_000, batchesMax: 2, arrivingBytesMax: 1_000 },
    })
    const send = (bytes: number) =>
      fetch(`${settlement.url}/v1/receipts`, {
        method: 'POST',
        headers: { 'content-type': 'application/cbor' },
        body: new Uint8Array(bytes),
      })
    const tooMuch = await send(1_001)
    expect(tooMuch.status).toBe(429)
    expect(tooMuch.headers.get('retry-after')).toBe('1')
    expect(await tooMuch.json()).toMatchObject({ code: 'HANSE_INGEST_BUSY', retry: true })
    // Those who announce a body and send none of it take no places: a body is read, and found to be no batch.
    const { hostname, port } = new URL(settlement.url)
    const slow = [1, 2, 3].map(() => {
      const socket = connect(Number(port), hostname)
      socket.write(
        'POST /v1/receipts HTTP/1.1\r\nhost: x\r\ncontent-type: application/cbor\r\ncontent-length: 900\r\n\r\n',
      )
      return socket
    })
    const answers = async (status: number) => {
      while ((await send(110)).status !== status) await new Promise(setImmediate)
    }
    await answers(400)
    // What they send takes room.
    for (const socket of slow.slice(1)) socket.write(new Uint8Array(450))
    await answers(429)
    for (const socket of slow) socket.destroy()
    await answers(400)
    expect((await send((4 << 20) + 1)).status).toBe(413)
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
})
