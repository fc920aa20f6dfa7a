import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  cidOf,
  commitPrompt,
  decodeProviderFrame,
  encodeCanonical,
  encodeFrame,
  exportBundle,
  type HanseError,
  type Offer,
  type Order,
  order,
  type ProviderFrame,
  picoEuro,
  promptFrames,
  receipt,
  rejection,
  SESSION_PROTOCOL,
  type SignedRecord,
  type Signer,
  signBytes,
  signerOf,
  signRecord,
  verifyBundle,
} from '@hanse/protocol'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { Authorizer } from '../consumer/authorizer.ts'
import { Consumer } from '../consumer/consumer.ts'
import { OfferDirectory } from '../consumer/offer-directory.ts'
import type { InferenceRequest } from '../consumer/request.ts'
import type { Engine, EngineEvent } from '../engine/index.ts'
import { ProviderStatistics } from '../metrics/provider-statistics.ts'
import { type FrameStream, type Network, openNetwork } from '../network/index.ts'
import { openOfferValue, selectNewestOffer } from '../network/offer-records.ts'
import { NodeStore } from '../store/node-store.ts'
import { offeredModels } from './model-names.ts'
import { Provider } from './provider.ts'

const NETWORK = 'test'
const MODEL = 'test/scripted'
const PROMPT = new TextEncoder().encode(
  JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'hi' }] }),
)
const OUTPUT_PRICE = 10n
const UNSECURED = picoEuro(1_000_000n)

/** Makes chunks as fast as it is asked to, until `max_tokens` or for ever. */
const engine: Engine & { running: number } = {
  running: 0,
  name: 'scripted',
  health: async () => ({ ready: true, message: 'ready', models: [{ id: MODEL, state: 'loaded' }] }),
  models: async () => [
    { id: MODEL, contextLength: 100_000, digest: null, quantization: null, capabilities: ['chat'] },
  ],
  countInputTokens: async () => 5,
  async *run({ maxOutputTokens }, signal): AsyncGenerator<EngineEvent[]> {
    this.running++
    try {
      yield [{ type: 'start', inputTokens: 5 }]
      for (let i = 0; i < maxOutputTokens; i++) {
        if (signal.aborted) return
        yield [{ type: 'delta', tokens: 1, payload: chunk({ content: `w${i} ` }) }]
        await new Promise((resolve) => setImmediate(resolve))
      }
      yield [
        { type: 'delta', tokens: 0, payload: chunk({}, 'stop') },
        {
          type: 'end',
          finishReason: 'stop',
          usage: { inputTokens: 5, outputTokens: maxOutputTokens, cachedInputTokens: 0 },
        },
      ]
    } finally {
      this.running--
    }
  },
  [Symbol.asyncDispose]: async () => {},
}

function chunk(delta: object, finish: string | null = null): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify({ id: 'x', choices: [{ index: 0, delta, finish_reason: finish }] }),
  )
}

const stack = new AsyncDisposableStack()
const misplaced: string[] = []
let providerNetwork: Network
let providerStore: NodeStore
let provider: Signer
let consumerNetwork: Network
let consumer: Signer
let directory: OfferDirectory

async function openPeer(): Promise<{ signer: Signer; network: Network }> {
  const seed = new Uint8Array(randomBytes(32))
  const privateKey = await generateKeyPairFromSeed('Ed25519', seed)
  const network = await openNetwork({
    privateKey,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    lan: true,
    dhtClient: false,
    validateRecord: async (key, value) => {
      openOfferValue({ network: NETWORK }, key, value, Date.now())
    },
    selectRecord: (_key, values) => selectNewestOffer(values),
  })
  stack.use(network)
  return { signer: signerOf(seed), network }
}

beforeAll(async () => {
  const [a, b] = [await openPeer(), await openPeer()]
  provider = a.signer
  providerNetwork = a.network
  consumer = b.signer
  consumerNetwork = b.network
  providerStore = stack.use(new NodeStore(':memory:'))
  providerNetwork.keepConnected(consumerNetwork.addresses())
  const live = Promise.withResolvers<void>()
  stack.use(
    await Provider.start({
      networkName: NETWORK,
      signer: provider,
      network: providerNetwork,
      store: providerStore,
      models: offeredModels(await engine.models(), [], {
        inputPrice: picoEuro(1n),
        outputPrice: picoEuro(OUTPUT_PRICE),
        slots: 4,
        maxOutputTokens: 50_000,
      }).map((offered) => ({ ...offered, engine })),
      statistics: new ProviderStatistics({ now: Date.now }),
      country: 'DE',
      minAuthorization: picoEuro(0n),
      unsecuredCredit: UNSECURED,
      creditWindowMax: picoEuro(10_000n),
      settlement: undefined,
      drainMs: 500,
      statementEveryMs: 100,
      log: pino({ level: 'silent' }),
      now: Date.now,
      onMisplaced: ({ consumer: from }, { code }) => misplaced.push(`${from} ${code}`),
      onLive: () => live.resolve(),
    }),
  )
  await live.promise
  directory = new OfferDirectory({
    network: consumerNetwork,
    context: { network: NETWORK },
    now: Date.now,
  })
})

afterAll(async () => await stack.disposeAsync())

describe('an honest consumer', () => {
  test('finds the offer in the DHT, gets its tokens, and both keep the same receipts', async () => {
    const store = stack.use(new NodeStore(':memory:'))
    const answer = await honest(store).request(asking(100), live())
    let chunks = 0
    for await (const payloads of answer.payloads) chunks += payloads.length
    assert.equal(chunks, 101)
    const { reason, receipts } = await answer.outcome
    assert.equal(reason, 'completed')
    assert.ok(receipts >= 3)
    await until(() => providerStore.session(answer.session)?.reason === 'completed')
    assert.deepEqual(providerStore.receipts(answer.session), store.receipts(answer.session))
    assert.equal(providerStore.session(answer.session)?.amount, picoEuro(5n + 100n * OUTPUT_PRICE))
  })

  test('outside the provider’s residency is told why, and nothing was sent', async () => {
    const before = providerStore.sessions().length
    const picky = honest(stack.use(new NodeStore(':memory:')), { allow: ['FR'] })
    await assert.rejects(picky.request(asking(5), live()), (error: HanseError) => {
      return error.code === 'HANSE_NO_PROVIDER' && /residency/u.test(error.message)
    })
    assert.equal(providerStore.sessions().length, before)
  })
})

describe('a consumer that orders below the price', () => {
  /** Remembers the offer from when it was cheaper by a pico-euro. */
  const stale = () =>
    new Proxy(directory, {
      get: (target, key) => {
        if (key !== 'find') return Reflect.get(target, key).bind(target)
        return async (...asked: Parameters<OfferDirectory['find']>) =>
          (await target.find(...asked)).map((known) => ({
            ...known,
            offer: {
              ...known.offer,
              models: known.offer.models.map((model) => ({
                ...model,
                outputPrice: picoEuro(OUTPUT_PRICE - 1n),
              })),
            },
          }))
      },
    })
  const request = asking(20)

  test('gets a quote, orders again, and has a bundle that tells so', async () => {
    const store = stack.use(new NodeStore(':memory:'))
    const buyer = honest(store, { knows: stale(), maxOutputPrice: OUTPUT_PRICE })
    const answer = await buyer.request(request, live())
    for await (const _ of answer.payloads);
    const { reason, last } = await answer.outcome
    assert.equal(reason, 'completed')
    assert.equal(answer.outputPrice, OUTPUT_PRICE)
    assert.equal(last?.amount, 5n + 20n * OUTPUT_PRICE)
    assert.deepEqual(
      store.sessions().map((session) => session.reason),
      ['completed', 'quoted'],
    )
    await until(() => providerStore.session(answer.session)?.reason === 'completed')
    for (const side of [store, providerStore]) {
      const evidence = side.evidence(answer.session, NETWORK)
      assert.ok(evidence !== undefined)
      const { checks, verified } = verifyBundle(exportBundle(evidence))
      assert.ok(verified, JSON.stringify(checks.at(-1)))
      assert.match(checks.find(({ id }) => id === 'prices')?.detail ?? '', /quoted/u)
    }
  })

  test('leaves a provider that asks for much more than it offered', async () => {
    const store = stack.use(new NodeStore(':memory:'))
    const buyer = honest(store, { knows: stale() })
    await assert.rejects(buyer.request(request, live()), {
      code: 'HANSE_ORDER_PRICE',
    })
    assert.equal(store.sessions()[0]?.reason, 'quoted')
  })
})

describe('a provider rejects, with the reason,', () => {
  test.each<[string, Partial<Order>, string]>([
    ['an order for a model it does not have', { model: 'test/other' }, 'HANSE_MODEL_UNKNOWN'],
    ['more tokens than it offers', { maxOutputTokens: 50_001n }, 'HANSE_ORDER_LIMITS'],
    [
      'an order of yesterday',
      { issuedAt: Date.now() - 9e7, notAfter: Date.now() - 8e7 },
      'HANSE_ORDER_EXPIRED',
    ],
    [
      'a policy it does not satisfy',
      { residency: { allow: ['FR'], minLevel: 0 } },
      'HANSE_POLICY_RESIDENCY',
    ],
    [
      'evidence it does not have',
      { residency: { allow: ['EU'], minLevel: 3 } },
      'HANSE_POLICY_RESIDENCY',
    ],
    ['an offer it never made', { offer: cidOf(new Uint8Array([1])) }, 'HANSE_ORDER_OFFER_UNKNOWN'],
    [
      'a credit window too small for the prompt',
      { creditWindow: picoEuro(1n) },
      'HANSE_ORDER_WINDOW_TOO_SMALL',
    ],
    [
      'a credit window beyond what it grants',
      { creditWindow: picoEuro(10_001n) },
      'HANSE_ORDER_LIMITS',
    ],
    [
      'a session beyond its unsecured credit',
      { maxOutputTokens: 50_000n, maxInputTokens: 900_000n },
      'HANSE_AUTHORIZATION_REQUIRED',
    ],
    [
      'another prompt than the committed one',
      { promptCommitment: new Uint8Array(32) },
      'HANSE_ORDER_COMMITMENT',
    ],
  ])('%s', async (_what, changes, code) => {
    const { frames } = await send(await makeOrder(changes))
    assert.equal(codeOf(await nextFrame(frames)), code)
    frames.abort(new Error('done'))
  })

  test('for its place before anything of the prompt has come, whatever its consumer believes of it', async () => {
    misplaced.length = 0
    const { frames } = await open()
    // The order alone: the prompt is still in the hands of whoever sends it.
    frames.write(
      orderFrame(
        await makeOrder({ residency: { allow: ['EU'], minLevel: 0, evidence: ['latency'] } }),
      ),
    )
    const answer = await nextFrame(frames)
    assert.equal(codeOf(answer), 'HANSE_POLICY_RESIDENCY')
    assert.deepEqual(misplaced, [`${consumer.peerId} HANSE_POLICY_RESIDENCY`])
    assert.equal(engine.running, 0)
    frames.abort(new Error('done'))
  })

  test('an order that it saw before', async () => {
    const signed = await makeOrder({ maxOutputTokens: 1n })
    const first = await send(signed)
    assert.equal((await nextFrame(first.frames)).t, 'accept')
    const second = await send(signed)
    assert.equal(codeOf(await nextFrame(second.frames)), 'HANSE_ORDER_REPLAYED')
    for (const { frames } of [first, second]) frames.abort(new Error('done'))
  })

  test('an order signed by another peer than the one connected', async () => {
    const other = signerOf(new Uint8Array(randomBytes(32)))
    const { frames } = await send(await makeOrder({ consumer: other.peerId }, other))
    assert.equal(codeOf(await nextFrame(frames)), 'HANSE_FORBIDDEN')
    frames.abort(new Error('done'))
  })
})

describe('a hostile consumer', () => {
  test('that never countersigns gets no more than one credit window', async () => {
    const stranger = await openPeer()
    const tokens = await takeUnpaid(stranger)
    assert.ok(tokens > 0n)
    assert.ok(5n + tokens * OUTPUT_PRICE <= TAKEN_WINDOW, `${tokens} tokens came`)
    await until(() => engine.running === 0)
  })

  const good = encodeFrame({ t: 'cancel' })
  test.each<[string, () => Promise<Uint8Array[]>]>([
    ['random bytes', async () => [new Uint8Array(randomBytes(200))]],
    ['an empty frame', async () => [new Uint8Array()]],
    ['a frame of an unknown kind', async () => [encodeCanonical({ t: 'bribe', amount: 5 })]],
    ['a prompt before any order', async () => promptFrames(PROMPT).map(encodeFrame)],
    [
      'a countersignature out of the blue',
      async () => [encodeFrame({ t: 'countersign', sequence: 0n, signature: new Uint8Array(64) })],
    ],
    ['an order of an unknown version', async () => [orderFrame(await reTyped('hanse.order.v2'))]],
    ['an order with a wrong signature', async () => [orderFrame(await misSigned())]],
    ['two orders', async () => [orderFrame(await makeOrder()), orderFrame(await makeOrder())]],
    ['nonsense after a cancel', async () => [good, good, new Uint8Array([1])]],
  ])('that sends %s is cut off, and the next session works', async (_what, makeFrames) => {
    const { frames } = await open()
    for (const bytes of await makeFrames()) frames.write(bytes)
    await assert.rejects(async () => {
      for (;;) if ((await frames.readBatch()) === undefined) throw new Error('ended')
    })
    const next = await send(await makeOrder({ maxOutputTokens: 1n }))
    assert.equal((await nextFrame(next.frames)).t, 'accept')
    next.frames.abort(new Error('done'))
  })

  test('that vanishes stops the engine and frees its slot', async () => {
    const stranger = await openPeer()
    const order = await makeOrder({ consumer: stranger.signer.peerId }, stranger.signer)
    const { frames } = await send(order, stranger.network)
    await until(() => engine.running > 0)
    frames.abort(new Error('gone'))
    await until(() => engine.running === 0)
  })
})

describe('a payer that left a window unpaid', () => {
  test('gets nothing more for nothing, however often it asks', async () => {
    const cheat = await openPeer()
    const first = await takeUnpaid(cheat)
    assert.ok(first > 0n)
    const { peerId } = cheat.signer
    await until(() => standing(peerId) === 'prepaid')
    for (let i = 0; i < 4; i++) assert.equal(await takeUnpaid(cheat), 0n, 'a token came unpaid')
    // What was read for it is owed, too.
    await until(() => owed(peerId) > 2n * (5n + first * OUTPUT_PRICE))
  })

  test('that was cut off by mishap has its answers all the same, and is soon a stranger again', async () => {
    const store = stack.use(new NodeStore(':memory:'))
    const unlucky = await openPeer()
    const { peerId } = unlucky.signer
    const order = await makeOrder({ consumer: peerId, maxOutputTokens: 1n }, unlucky.signer)
    const { frames } = await send(order, unlucky.network)
    while ((await nextFrame(frames)).t !== 'delta');
    frames.abort(new Error('the line is cut'))
    await until(() => standing(peerId) === 'prepaid')
    const buyer = honest(store, { peer: unlucky })
    const answer = await buyer.request(asking(20), live())
    for await (const _ of answer.payloads);
    const { reason, last } = await answer.outcome
    assert.equal(reason, 'completed')
    assert.equal(last?.amount, 5n + 20n * OUTPUT_PRICE)
    const [first] = providerStore.receipts(answer.session)
    assert.ok(first !== undefined)
    const prompt = receipt.decode(first.bytes)
    assert.deepEqual([prompt.inputTokens, prompt.outputTokens, prompt.final], [5n, 0n, null])
    await until(() => standing(peerId) === 'stranger')
    const evidence = providerStore.evidence(answer.session, NETWORK)
    assert.ok(evidence !== undefined && verifyBundle(exportBundle(evidence)).verified)
    assert.equal(providerStore.payers.of(`peer/${peerId}`)?.defaults, 1)
  })
})

const TAKEN_WINDOW = picoEuro(2_000n)
type Peer = Awaited<ReturnType<typeof openPeer>>

const standing = (peerId: string) =>
  providerStore.payers.standing([`peer/${peerId}`], Date.now()).type
const owed = (peerId: string): bigint => providerStore.payers.of(`peer/${peerId}`)?.owed ?? 0n

/** Asks for a long answer and countersigns nothing, until no more comes. @returns the tokens that came */
async function takeUnpaid({ signer, network }: Peer): Promise<bigint> {
  const order = await makeOrder(
    { consumer: signer.peerId, creditWindow: TAKEN_WINDOW, maxOutputTokens: 10_000n },
    signer,
  )
  const { frames } = await send(order, network)
  let tokens = 0n
  for (;;) {
    const frame = await nextFrame(frames)
    if (frame.t === 'delta') tokens += frame.items.reduce((sum, [n]) => sum + BigInt(n), 0n)
    // A receipt that is due comes when the window is full, and nothing after it until it is countersigned.
    if (frame.t === 'receipt') break
  }
  const more = await Promise.race([nextFrame(frames), sleep(200)])
  assert.ok(more === undefined || more.t === 'delta')
  if (more?.t === 'delta') tokens += more.items.reduce((sum, [n]) => sum + BigInt(n), 0n)
  frames.abort(new Error('done'))
  return tokens
}

interface Habits {
  readonly peer?: Peer
  readonly allow?: readonly string[]
  /** Pico-euro per token. */
  readonly maxOutputPrice?: bigint
  readonly knows?: OfferDirectory
}

function honest(store: NodeStore, habits: Habits = {}): Consumer {
  const { allow = ['EU'], maxOutputPrice, knows = directory } = habits
  const { signer, network } = habits.peer ?? { signer: consumer, network: consumerNetwork }
  return new Consumer({
    networkName: NETWORK,
    signer,
    network,
    store,
    directory: knows,
    authorizer: new Authorizer({
      context: { network: NETWORK },
      store,
      source: undefined,
      amount: picoEuro(1n),
      now: Date.now,
    }),
    settings: {
      residency: { allow: [...allow], minLevel: 0, trustedAttestors: [] },
      maxInputPrice: undefined,
      maxOutputPrice: maxOutputPrice === undefined ? undefined : picoEuro(maxOutputPrice),
      receiptEvery: 32n,
      creditWindowMax: picoEuro(10_000n),
      deadlineMs: 30_000,
      keepRequests: true,
    },
    now: Date.now,
    random: (bytes) => new Uint8Array(randomBytes(bytes)),
  })
}

const SECRET = new Uint8Array(32).fill(7)

async function currentOffer(): Promise<{ cid: Order['offer']; value: Offer }> {
  const [known] = await directory.find(MODEL, ['*'])
  assert.ok(known !== undefined)
  return known.signed
}

async function makeOrder(
  changes: Partial<Order> = {},
  signer: Signer = consumer,
): Promise<SignedRecord & { value: Order }> {
  const value: Order = {
    consumer: consumer.peerId,
    provider: provider.peerId,
    offer: (await currentOffer()).cid,
    model: MODEL,
    maxInputTokens: 50n,
    maxOutputTokens: 10_000n,
    inputPrice: picoEuro(1n),
    outputPrice: picoEuro(OUTPUT_PRICE),
    authorization: null,
    residency: { allow: ['EU'], minLevel: 0 },
    promptCommitment: commitPrompt(SECRET, PROMPT),
    receiptEvery: 32n,
    creditWindow: picoEuro(1_000n),
    deadlineMs: 20_000,
    issuedAt: Date.now(),
    notAfter: Date.now() + 60_000,
    nonce: new Uint8Array(randomBytes(16)),
    quote: null,
    continues: null,
    ...changes,
  }
  return signRecord({ network: NETWORK }, order, value, 'consumer', signer)
}

/** A well-signed order whose `$type` is another. */
async function reTyped(type: string): Promise<SignedRecord> {
  const { value } = await makeOrder()
  const bytes = encodeCanonical({ ...value, $type: type })
  return {
    bytes,
    signatures: [signBytes({ network: NETWORK }, { type }, bytes, 'consumer', consumer)],
  }
}

async function misSigned(): Promise<SignedRecord> {
  const { bytes, signatures } = await makeOrder()
  return {
    bytes,
    signatures: signatures.map((s) => ({
      ...s,
      signature: s.signature.map((byte, i) => (i === 3 ? byte ^ 1 : byte)),
    })),
  }
}

const asking = (maxOutputTokens: number): InferenceRequest => ({
  kind: 'chat',
  model: MODEL,
  body: PROMPT,
  maxOutputTokens,
  policy: {},
})

const live = () => ({ signal: new AbortController().signal })

function orderFrame({ bytes, signatures }: SignedRecord): Uint8Array {
  return encodeFrame({
    t: 'order',
    order: { bytes, signatures: [...signatures] },
    authorization: null,
    secret: SECRET,
    trace: null,
  })
}

async function open(from: Network = consumerNetwork): Promise<{ frames: FrameStream }> {
  return await from.openStream(providerNetwork.addresses(), SESSION_PROTOCOL)
}

async function send(signed: SignedRecord, from?: Network): Promise<{ frames: FrameStream }> {
  const opened = await open(from)
  opened.frames.write(orderFrame(signed))
  for (const frame of promptFrames(PROMPT)) opened.frames.write(encodeFrame(frame))
  return opened
}

const unread = new WeakMap<FrameStream, Uint8Array[]>()

async function nextFrame(frames: FrameStream): Promise<ProviderFrame> {
  const waiting = unread.get(frames) ?? []
  if (waiting.length === 0) waiting.push(...((await frames.readBatch()) ?? []))
  unread.set(frames, waiting)
  const bytes = waiting.shift()
  assert.ok(bytes !== undefined, 'the stream ended')
  return decodeProviderFrame(bytes)
}

function codeOf(frame: ProviderFrame): string {
  assert.equal(frame.t, 'reject')
  return frame.t === 'reject' ? rejection.decode(frame.rejection.bytes).code : ''
}

async function sleep(ms: number): Promise<undefined> {
  await new Promise((resolve) => setTimeout(resolve, ms))
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (condition()) return
    await sleep(50)
  }
  assert.fail('it did not come true within 5 s')
}
