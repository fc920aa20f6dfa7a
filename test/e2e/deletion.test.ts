import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AuditLog,
  Authorizer,
  Consumer,
  DeletionDesk,
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
import { hanse } from '../support/hanse.ts'
import { filesWith } from '../support/rights/byte-search.ts'
import { NETWORK, OPERATOR } from '../support/settlement/cluster.ts'
import { ask, type Tenant, topUp } from '../support/settlement/customers.ts'

const MODEL = 'test/words'
const EURO = 10n ** 12n
const HOUR_MS = 3_600_000
/** On a machine with too much to do. */
const PATIENCE_MS = 60_000
const log = fastify({ logger: false }).log
const random = (bytes: number) => new Uint8Array(randomBytes(bytes))

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

interface Peer {
  readonly signer: Signer
  readonly network: Network
}
interface Buyer extends Peer {
  readonly tenant: Tenant
  readonly store: NodeStore
  readonly consumer: Consumer
}

const stack = new AsyncDisposableStack()
/** What everybody's clocks are ahead by. */
let aheadMs = 0
const now = () => Date.now() + aheadMs
let folder: string
let settlement: Settlement
let seller: Peer
let provider: Provider
let store: NodeStore
let erased: Buyer
let other: Buyer

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-deletion-e2e-'))
  stack.defer(async () => await rm(folder, { recursive: true, force: true }))
  await prepareDataDir(join(folder, 'settlement'))
  settlement = stack.use(
    await openSettlement({
      dataDir: join(folder, 'settlement'),
      network: NETWORK,
      operatorToken: OPERATOR,
      now,
      pressure: { eventLoopMs: Infinity },
    }),
  )
  seller = await openPeer('seller')
  const buying = [await openPeer('erased'), await openPeer('other')] as const
  for (const { network } of buying) seller.network.keepConnected(network.addresses())
  await startProvider()
  erased = await openBuyer(buying[0], 'erased')
  other = await openBuyer(buying[1], 'other')
})
afterAll(async () => await stack.disposeAsync())

async function openPeer(name: string): Promise<Peer> {
  const privateKey = await loadOrCreateIdentity(join(folder, `${name}.key`))
  const network = stack.use(
    await openNetwork({
      privateKey,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      lan: true,
      dhtClient: false,
      validateRecord: async (key, value) => {
        openOfferValue({ network: NETWORK }, key, value, now())
      },
      selectRecord: (_key, values) => selectNewestOffer(values),
    }),
  )
  return { signer: signerOf(seedOf(privateKey)), network }
}

function clientOf(signer: Signer, apiKey?: string): SettlementClient {
  return new SettlementClient({
    url: settlement.url,
    apiKey,
    context: { network: NETWORK },
    signer,
    now,
  })
}

async function startProvider(): Promise<void> {
  const { signer, network } = seller
  const live = Promise.withResolvers<void>()
  const terms = {
    inputPrice: picoEuro(10n ** 6n),
    outputPrice: picoEuro(2n * 10n ** 6n),
    slots: 4,
    maxOutputTokens: 100,
  }
  const dataDir = join(folder, 'node')
  store = stack.use(new NodeStore(join(dataDir, 'node.db')))
  const audit = stack.use(
    await AuditLog.open(
      dataDir,
      { network: NETWORK, peerId: signer.peerId },
      { store, log, now, random },
    ),
  )
  provider = stack.use(
    await Provider.start({
      networkName: NETWORK,
      signer,
      network,
      store,
      audit,
      models: offeredModels(await engine.models(), [], terms).map((one) => ({ ...one, engine })),
      statistics: new ProviderStatistics({ now }),
      country: 'DE',
      minAuthorization: picoEuro(0n),
      unsecuredCredit: picoEuro(0n),
      creditWindowMax: picoEuro(EURO),
      settlement: { url: settlement.url, client: clientOf(signer) },
      releaseIdleMs: 1,
      drainMs: 500,
      statementEveryMs: 0,
      log,
      now,
      onSessionEnd: (session) => audit.record(session),
      onOnboarding: (url) => void fetch(url, { redirect: 'manual' }),
      onLive: () => live.resolve(),
    }),
  )
  await live.promise
  await until('settlement was asked', () => provider.facts().settlement?.reachable === true)
}

async function openBuyer({ signer, network }: Peer, name: string): Promise<Buyer> {
  const json = { name, consumers: [signer.peerId], lawfulBasis: 'contract' }
  const made = await operator<Omit<Tenant, 'consumer'>>('POST', '/v1/admin/organizations', json)
  const tenant = { ...made, consumer: signer }
  await topUp(settlement.url, tenant, 2_000, name)
  const context = { network: NETWORK }
  const buyerStore = stack.use(new NodeStore(join(folder, `${name}-data`, 'node.db')))
  const directory = new OfferDirectory({ network, context, now })
  await until('the offer is found', async () => (await directory.find(MODEL, ['*'])).length > 0)
  const source = clientOf(signer, tenant.apiKey)
  const amount = picoEuro(5n * EURO)
  const consumer = new Consumer({
    networkName: NETWORK,
    signer,
    network,
    store: buyerStore,
    directory,
    authorizer: new Authorizer({ context, store: buyerStore, source, amount, now }),
    settings: {
      residency: { allow: [], minLevel: 0, trustedAttestors: [] },
      maxInputPrice: undefined,
      maxOutputPrice: undefined,
      receiptEvery: 32n,
      creditWindowMax: picoEuro(EURO),
      deadlineMs: 120_000,
      keepRequests: true,
    },
    now,
    random,
  })
  return { signer, network, tenant, store: buyerStore, consumer }
}

/** One answer, whose receipts settlement has booked. @returns the session */
async function buy({ consumer, store: own, tenant }: Buyer, words: string): Promise<string> {
  const messages = [{ role: 'user', content: words }]
  const body = new TextEncoder().encode(JSON.stringify({ model: MODEL, messages }))
  const answer = await consumer.request(
    { kind: 'chat', model: MODEL, body, maxOutputTokens: 10, policy: {} },
    { signal: AbortSignal.timeout(PATIENCE_MS) },
  )
  for await (const _ of answer.payloads);
  assert.equal((await answer.outcome).reason, 'completed')
  const [bought] = own.sessions({ limit: 1 })
  assert.ok(bought !== undefined)
  await until(`${tenant.organization} is settled`, () => store.outbox().length === 0)
  return bought.session
}

const operator = async <Answer>(method: 'GET' | 'POST', path: string, json?: object) =>
  await ask<Answer>(settlement.url, method, path, {
    key: OPERATOR,
    ...(json !== undefined && { json }),
  })

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !(await isSo()); ) {
    assert.ok(Date.now() < end, `${what}: not in time`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

interface Detail {
  readonly id: string
  readonly state: string
  readonly history: readonly { readonly step: string; readonly note: string | null }[]
  readonly deletions: readonly {
    readonly node: string
    readonly state: string
    readonly confirmation: {
      readonly erased: readonly { readonly class: string; readonly count: string }[]
      readonly kept: readonly { readonly class: string; readonly reason: string }[]
    } | null
  }[]
}

const detailOf = async (id: string) =>
  await operator<Detail>('GET', `/v1/admin/gdpr/requests/${id}`)

async function eraseOrganization(organization: string): Promise<string> {
  const { id } = await operator<{ id: string }>('POST', '/v1/admin/gdpr/requests', {
    kind: 'erasure',
    subjectKind: 'organization',
    subject: organization,
  })
  const path = `/v1/admin/gdpr/requests/${id}`
  await operator('POST', `${path}/steps`, { step: 'identified' })
  await operator('POST', `${path}/erasure`, { giveUpBalance: true })
  return id
}

/** The provider's files, but for its network's own. */
const providerFiles = async (word: string) => await filesWith(join(folder, 'node'), word)

test('who is erased at settlement is in no file of the node that served them, and the erasure is done when all nodes say so', async () => {
  const mine = await buy(erased, 'geheim')
  const theirs = await buy(other, 'anything')
  await provider.endAuthorizations()
  const { peerId } = erased.signer
  const { organization } = erased.tenant
  for (const word of [peerId, organization, mine])
    assert.notDeepEqual(await providerFiles(word), [], `${word} is there before`)
  assert.notDeepEqual(await filesWith(join(folder, 'erased-data'), 'geheim'), [])

  const id = await eraseOrganization(organization)
  const asked = await detailOf(id)
  assert.equal(asked.state, 'in-progress')
  assert.deepEqual(
    new Map(asked.deletions.map(({ node, state }) => [node, state])),
    new Map([
      [peerId, 'open'],
      [seller.signer.peerId, 'open'],
    ]),
  )

  // While the promise not to claim more could still be wanted, it is kept, and said to be.
  await provider.eraseForOthers()
  const partly = (await detailOf(id)).deletions.find(({ node }) => node === seller.signer.peerId)
  assert.equal(partly?.state, 'partial')
  assert.deepEqual(
    partly?.confirmation?.kept.map(({ class: name, reason }) => [name, reason]),
    [['releases', 'open']],
  )
  assert.equal(store.hasSession(mine), false)
  assert.equal(store.hasSession(theirs), true)

  aheadMs += 2 * HOUR_MS
  await provider.eraseForOthers()
  for (const word of [peerId, organization, mine])
    assert.deepEqual(await providerFiles(word), [], `${word} is still there`)
  // Whoever was not erased is there as before.
  for (const word of [other.signer.peerId, other.tenant.organization, theirs])
    assert.notDeepEqual(await providerFiles(word), [])
  assert.equal((await detailOf(id)).state, 'in-progress')

  await using desk = new DeletionDesk({
    context: { network: NETWORK, signer: erased.signer },
    side: 'consumer',
    store: erased.store.deletions,
    audit: undefined,
    // Its key is gone with the organization: the node's signature is enough.
    settlement: clientOf(erased.signer, erased.tenant.apiKey),
    log,
    now,
    random: Math.random,
  })
  await desk.poll()
  assert.deepEqual(await filesWith(join(folder, 'erased-data'), 'geheim'), [])
  assert.equal(erased.store.receipts(mine).length, 1)

  const done = await detailOf(id)
  assert.equal(done.state, 'done')
  assert.equal(done.history.at(-1)?.note, '2 deletion requests to nodes were confirmed')
  assert.ok(done.deletions.every(({ state }) => state === 'confirmed'))
})

test('its owner reads what was asked and answered, without the daemon', async () => {
  const shown = await hanse(['deletions', '--data-dir', join(folder, 'node')], folder)
  assert.equal(shown.code, 0, shown.stderr)
  assert.match(shown.stdout, /REQUEST[\s\S]*1 sessions[\s\S]* yes/u)
  const { stdout } = await hanse(
    ['deletions', '--json', '--data-dir', join(folder, 'node')],
    folder,
  )
  const entry = JSON.parse(stdout) as { kept: unknown[]; signedRequest: string | null }
  assert.deepEqual([entry.kept, entry.signedRequest], [[], null])
  const { stdout: none } = await hanse(
    ['deletions', '--data-dir', join(folder, 'other-data')],
    folder,
  )
  assert.match(none, /nothing/u)
})
