import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Authorizer,
  Consumer,
  type Engine,
  type EngineEvent,
  loadOrCreateIdentity,
  type Network,
  NodeStore,
  OfferDirectory,
  offeredModels,
  openNetwork,
  openOfferValue,
  Provider,
  ProviderStatistics,
  SettlementClient,
  seedOf,
  selectNewestOffer,
} from '@hanse/node'
import { picoEuro, type Signer, signerOf } from '@hanse/protocol'
import { openSettlement, type Settlement } from '@hanse/settlement'
import { prepareDataDir } from '@hanse/settlement/testing'
import { fastify } from 'fastify'
import { afterAll, beforeAll, test } from 'vitest'
import { NETWORK, OPERATOR } from '../support/settlement/cluster.ts'
import { ask, balanceOf, type Tenant, topUp } from '../support/settlement/customers.ts'

const MODEL = 'test/words'
const EURO = 10n ** 12n
const HELD = 5n * EURO
/** 5 tokens in for 1 µ€ each, 3 out for 2. */
const COST = 11n * 10n ** 6n
/** On a machine with too much to do. */
const PATIENCE_MS = 60_000

/** Three words, whatever was asked. */
const engine: Engine = {
  name: 'words',
  health: async () => ({ ready: true, message: '', models: [{ id: MODEL, state: 'loaded' }] }),
  models: async () => [
    { id: MODEL, contextLength: 1_000, digest: null, quantization: null, capabilities: ['chat'] },
  ],
  countInputTokens: async () => 5,
  async *run(): AsyncGenerator<EngineEvent[]> {
    yield [{ type: 'start', inputTokens: 5 }]
    const word = { id: 'x', choices: [{ index: 0, delta: { content: 'a ' }, finish_reason: null }] }
    const payload = new TextEncoder().encode(JSON.stringify(word))
    for (let i = 0; i < 3; i++) yield [{ type: 'delta', tokens: 1, payload }]
    const usage = { inputTokens: 5, outputTokens: 3, cachedInputTokens: 0 }
    yield [{ type: 'end', finishReason: 'stop', usage }]
  },
  [Symbol.asyncDispose]: async () => {},
}

const stack = new AsyncDisposableStack()
let settlement: Settlement
let tenant: Tenant
let provider: Provider
let providerStore: NodeStore
let consumer: Consumer
let bought = 0

async function openPeer(
  folder: string,
  name: string,
): Promise<{ signer: Signer; network: Network }> {
  const privateKey = await loadOrCreateIdentity(join(folder, `${name}.key`))
  const network = stack.use(
    await openNetwork({
      privateKey,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      lan: true,
      dhtClient: false,
      validateRecord: async (key, value) => {
        openOfferValue({ network: NETWORK }, key, value, Date.now())
      },
      selectRecord: (_key, values) => selectNewestOffer(values),
    }),
  )
  return { signer: signerOf(seedOf(privateKey)), network }
}

function clientOf(signer: Signer, apiKey?: string): SettlementClient {
  const context = { network: NETWORK }
  return new SettlementClient({ url: settlement.url, apiKey, context, signer, now: Date.now })
}

async function startProvider({ signer, network }: { signer: Signer; network: Network }) {
  const live = Promise.withResolvers<void>()
  const terms = {
    inputPrice: picoEuro(10n ** 6n),
    outputPrice: picoEuro(2n * 10n ** 6n),
    slots: 4,
    maxOutputTokens: 100,
  }
  providerStore = stack.use(new NodeStore(':memory:'))
  provider = stack.use(
    await Provider.start({
      networkName: NETWORK,
      signer,
      network,
      store: providerStore,
      models: offeredModels(await engine.models(), [], terms).map((one) => ({ ...one, engine })),
      statistics: new ProviderStatistics({ now: Date.now }),
      country: 'DE',
      minAuthorization: picoEuro(0n),
      unsecuredCredit: picoEuro(0n),
      creditWindowMax: picoEuro(EURO),
      settlement: { url: settlement.url, client: clientOf(signer) },
      // Nobody is given time to ask again: the test says when.
      releaseIdleMs: 1,
      drainMs: 500,
      statementEveryMs: 0,
      log: fastify({ logger: false }).log,
      now: Date.now,
      onOnboarding: (url) => void fetch(url, { redirect: 'manual' }),
      onLive: () => live.resolve(),
    }),
  )
  await live.promise
  await until('settlement was asked', () => provider.facts().settlement?.reachable === true)
}

async function openConsumer({ signer, network }: { signer: Signer; network: Network }) {
  const context = { network: NETWORK }
  const store = stack.use(new NodeStore(':memory:'))
  const directory = new OfferDirectory({ network, context, now: Date.now })
  await until('the offer is found', async () => (await directory.find(MODEL, ['*'])).length > 0)
  const source = clientOf(signer, tenant.apiKey)
  return new Consumer({
    networkName: NETWORK,
    signer,
    network,
    store,
    directory,
    authorizer: new Authorizer({ context, store, source, amount: picoEuro(HELD), now: Date.now }),
    settings: {
      residency: { allow: [], minLevel: 0, trustedAttestors: [] },
      maxInputPrice: undefined,
      maxOutputPrice: undefined,
      receiptEvery: 32n,
      creditWindowMax: picoEuro(EURO),
      deadlineMs: 120_000,
      keepRequests: false,
    },
    now: Date.now,
    random: (bytes) => new Uint8Array(randomBytes(bytes)),
  })
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !(await isSo()); ) {
    assert.ok(Date.now() < end, `${what}: not in time; ${provider?.facts().settlement?.message}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hanse-authorization-ends-'))
  stack.defer(async () => await rm(folder, { recursive: true, force: true }))
  await prepareDataDir(join(folder, 'settlement'))
  settlement = stack.use(
    await openSettlement({
      dataDir: join(folder, 'settlement'),
      network: NETWORK,
      operatorToken: OPERATOR,
      pressure: { eventLoopMs: Infinity },
    }),
  )
  const [selling, buying] = [await openPeer(folder, 'seller'), await openPeer(folder, 'buyer')]
  const json = {
    name: 'Test GmbH',
    consumers: [buying.signer.peerId],
    lawfulBasis: 'contract',
  }
  const made = await ask<Omit<Tenant, 'consumer'>>(
    settlement.url,
    'POST',
    '/v1/admin/organizations',
    { key: OPERATOR, json },
  )
  tenant = { ...made, consumer: buying.signer }
  await topUp(settlement.url, tenant, 2_000, 'first')
  selling.network.keepConnected(buying.network.addresses())
  await startProvider(selling)
  consumer = await openConsumer(buying)
})
afterAll(async () => await stack.disposeAsync())

/** One answer, whose receipts settlement has booked. */
async function buy(): Promise<void> {
  const messages = [{ role: 'user', content: 'hi' }]
  const answer = await consumer.request(
    {
      kind: 'chat',
      model: MODEL,
      body: new TextEncoder().encode(JSON.stringify({ model: MODEL, messages })),
      maxOutputTokens: 10,
      policy: {},
    },
    { signal: AbortSignal.timeout(PATIENCE_MS) },
  )
  for await (const _ of answer.payloads);
  assert.equal((await answer.outcome).reason, 'completed')
  bought++
  await until('the session is settled', async () => {
    const spent = (await authorizations()).reduce((sum, one) => sum + BigInt(one.spent), 0n)
    return spent === BigInt(bought) * COST && providerStore.outbox().length === 0
  })
}

interface Listed {
  readonly cid: string
  readonly spent: string
  readonly released: string
  readonly closedAt: number | null
}

/** Newest first. */
async function authorizations(): Promise<Listed[]> {
  const { authorizations: all } = await ask<{ authorizations: Listed[] }>(
    settlement.url,
    'GET',
    '/v1/authorizations',
    { key: tenant.apiKey },
  )
  return all
}

const money = async () => {
  const { available, held } = await balanceOf(settlement.url, tenant)
  return [BigInt(available), BigInt(held)]
}

test('what a consumer does not spend comes back to it an hour early, and it buys on with another authorization', async () => {
  await buy()
  assert.deepEqual(await money(), [15n * EURO, HELD - COST])
  await provider.endAuthorizations()
  assert.deepEqual(await money(), [20n * EURO - COST, 0n])
  const [first] = await authorizations()
  assert.deepEqual([first?.spent, first?.released], [`${COST}`, `${HELD - COST}`])
  assert.notEqual(first?.closedAt, null)
  // Told again, it changes nothing.
  await provider.endAuthorizations()
  await buy()
  assert.equal((await authorizations()).length, 2)
  assert.deepEqual(await money(), [15n * EURO - COST, HELD - COST])
})

test('under a revoked authorization no order is taken; what was sold before is paid, and the rest comes back', async () => {
  await buy()
  const [held] = await authorizations()
  await ask(settlement.url, 'POST', `/v1/authorizations/${held?.cid}/revoke`, {
    key: tenant.apiKey,
    json: {},
  })
  await provider.endAuthorizations()
  assert.equal(provider.facts().settlement?.revocations?.known, 1)
  assert.deepEqual(await money(), [20n * EURO - 3n * COST, 0n])
  await buy()
  const [after, revoked] = await authorizations()
  assert.equal(revoked?.cid, held?.cid)
  assert.deepEqual([revoked?.spent, after?.spent], [`${2n * COST}`, `${COST}`])
})
