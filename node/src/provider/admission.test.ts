import assert from 'node:assert/strict'
import {
  authorizationRelease,
  type HanseError,
  type OfferedModel,
  type Order,
  type OrderReceived,
  type Prices,
  picoEuro,
  priceTokens,
  quote,
  type Residency,
} from '@hanse/protocol'
import {
  consumer,
  INPUT_PRICE,
  MODEL,
  makeAuthorization,
  makeOffer,
  makeOrder,
  makeRelease,
  NOW,
  OUTPUT_PRICE,
  PROMPT,
  provider,
  providerContext,
  SECRET,
  settlement,
  sign,
} from '@hanse/protocol/testing'
import { afterEach, beforeEach, describe, test } from 'vitest'
import type { Engine, EngineEvent, EngineRequest } from '../engine/index.ts'
import { NodeStore } from '../store/node-store.ts'
import { AdmissionDesk } from './admission.ts'
import { limitsOf, Scheduler } from './scheduling/index.ts'
import type { Admission } from './session-server.ts'

const COST = priceTokens(
  { inputPrice: INPUT_PRICE, outputPrice: OUTPUT_PRICE },
  { inputTokens: 5n, outputTokens: 1000n },
)
const live = () => new AbortController().signal

let store: NodeStore
let scheduler: Scheduler
let paused: { reopensInMs: number | undefined } | undefined
let prices: Prices | undefined
let capabilities: string[]
let counting: Promise<void>
let asked: EngineRequest[]
let now: number

beforeEach(() => {
  store = new NodeStore(':memory:')
  paused = undefined
  prices = undefined
  capabilities = ['chat']
  counting = Promise.resolve()
  asked = []
  now = NOW
  scheduler = open(1)
})
afterEach(() => {
  scheduler[Symbol.dispose]()
  store[Symbol.dispose]()
})

const open = (slots: number) =>
  new Scheduler({ models: new Map([[MODEL, limitsOf(slots)]]), now: () => now })

/** Counts five tokens, after `counting`; answers with two batches, 100 ms apart. */
const engine: Engine = {
  name: 'scripted',
  health: async () => ({ ready: true, message: 'ready', models: [] }),
  models: async () => [],
  countInputTokens: async () => {
    await counting
    return 5
  },
  async *run(request): AsyncGenerator<EngineEvent[]> {
    asked.push(request)
    yield [{ type: 'start', inputTokens: 5 }]
    for (const tokens of [1, 50]) {
      now += 100
      yield [{ type: 'delta', tokens, payload: new Uint8Array() }]
    }
    const usage = { inputTokens: 5, outputTokens: 51, cachedInputTokens: 0 }
    yield [{ type: 'end', finishReason: 'stop', usage }]
  },
  [Symbol.asyncDispose]: async () => {},
}

function makeDesk(limit = 10n ** 12n): (changes?: Partial<Order>, prompt?: Uint8Array) => Ordered {
  const authorization = makeAuthorization({ limit: picoEuro(limit) })
  const [model] = makeOffer().value.models
  assert.ok(model !== undefined)
  const models: OfferedModel[] = [{ ...model, capabilities }]
  const offer = makeOffer({ models })
  const desk = new AdmissionDesk({
    context: providerContext,
    store,
    scheduler,
    models: new Map([[MODEL, { engine, engineModel: 'its-own-name' }]]),
    findOffer: () => offer.value,
    pricesOf: () => prices ?? model,
    paused: () => paused,
    place: () => ({ country: 'DE', evidenceLevel: 4 }),
    isDraining: () => false,
    trustedIssuers: () => [settlement.peerId],
    creditWindowMax: picoEuro(10n ** 12n),
    now: () => now,
  })
  let nonce = 0
  return (changes = {}, prompt = PROMPT) => {
    const order = makeOrder({
      authorization: authorization.cid,
      nonce: new Uint8Array(16).fill(++nonce),
      ...changes,
    })
    const ordered: OrderReceived = { order, authorization, secret: SECRET, trace: null, rounds: [] }
    return {
      ordered,
      screen: (shown: OrderReceived['authorization']) =>
        desk.screen({ ...ordered, authorization: shown }),
      admit: async (signal = live()) => await desk.admit(consumer.peerId, ordered, prompt, signal),
      again: async (rounds: OrderReceived['rounds']) =>
        await desk.admit(consumer.peerId, { ...ordered, rounds }, prompt, live()),
    }
  }
}

interface Ordered {
  readonly ordered: OrderReceived
  screen(shown: OrderReceived['authorization']): void
  admit(signal?: AbortSignal): ReturnType<AdmissionDesk['admit']>
  again(rounds: OrderReceived['rounds']): ReturnType<AdmissionDesk['admit']>
}

async function admitted(answer: ReturnType<AdmissionDesk['admit']>): Promise<Admission> {
  const admission = await answer
  assert.ok(!('ask' in admission))
  return admission
}

async function codes(answers: readonly Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(answers)
  return settled.map((one) =>
    one.status === 'fulfilled' ? 'admitted' : (one.reason as HanseError).code,
  )
}

const body = (request: object) => new TextEncoder().encode(JSON.stringify(request))

describe('an order', () => {
  test('waits for a slot, and gets it when it is given back', async () => {
    const order = makeDesk()
    const first = await admitted(order().admit())
    const waiting = order().admit()
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(scheduler.load(MODEL), { slots: 1, busy: 1, queued: 1 })
    first.release()
    const second = await admitted(waiting)
    second.release()
    assert.equal(scheduler.free(MODEL), 1)
  })

  test('whose consumer has gone leaves the queue, and nothing of it is written down', async () => {
    const order = makeDesk()
    const first = await admitted(order().admit())
    const gone = new AbortController()
    const left = order()
    const waiting = left.admit(gone.signal)
    await new Promise((resolve) => setImmediate(resolve))
    gone.abort()
    await assert.rejects(waiting, { code: 'HANSE_SESSION_CANCELLED' })
    first.release()
    assert.equal(scheduler.free(MODEL), 1)
    assert.equal(store.hasSession(left.ordered.order.cid.toString()), false)
  })

  test('that came twice at once is taken once', async () => {
    scheduler = open(4)
    const twice = makeDesk()()
    const outcomes = await codes([twice.admit(), twice.admit()])
    assert.deepEqual(outcomes, ['admitted', 'HANSE_ORDER_REPLAYED'])
    assert.equal(scheduler.free(MODEL), 3)
  })

  test('is told of a pause that began while it waited', async () => {
    const order = makeDesk()
    const first = await admitted(order().admit())
    const waiting = order().admit()
    await new Promise((resolve) => setImmediate(resolve))
    paused = { reopensInMs: 7 * 3_600_000 }
    first.release()
    await assert.rejects(waiting, { code: 'HANSE_PROVIDER_PAUSED', retryAfterMs: 3_600_000 })
    assert.equal(scheduler.free(MODEL), 1)
    paused = { reopensInMs: undefined }
    await assert.rejects(order().admit(), { code: 'HANSE_PROVIDER_PAUSED', retryAfterMs: 60_000 })
  })

  test('is turned away before its prompt, when its payer asks for another place than its consumer does', () => {
    const order = makeDesk()()
    const says = (residency: Residency) => makeAuthorization({ residency })
    order.screen(null)
    order.screen(says({ allow: ['EU'], minLevel: 4 }))
    for (const other of [
      { allow: ['FR'], minLevel: 0 },
      { allow: [], minLevel: 0, evidence: ['latency' as const] },
    ])
      assert.throws(() => order.screen(says(other)), { code: 'HANSE_POLICY_RESIDENCY' })
  })

  test('under an authorization that was revoked is refused, also when that happens while it waits', async () => {
    const order = makeDesk()
    const first = await admitted(order().admit())
    const waiting = order().admit()
    await new Promise((resolve) => setImmediate(resolve))
    const { serial } = makeAuthorization().value
    const list = { issuer: settlement.peerId, since: 0n, until: 1n, at: NOW, serials: [serial] }
    store.ends.addRevocations(list, NOW)
    first.release()
    await assert.rejects(waiting, { code: 'HANSE_AUTHORIZATION_EXPIRED', message: /revoked/u })
    await assert.rejects(order().admit(), { code: 'HANSE_AUTHORIZATION_EXPIRED' })
    assert.equal(scheduler.free(MODEL), 1)
  })

  test('under an authorization that was given back is refused', async () => {
    const limit = picoEuro(10n ** 12n)
    const authorization = makeAuthorization({ limit }).cid
    const value = { ...makeRelease().value, authorization }
    const released = sign(authorizationRelease, value, 'provider', provider)
    store.ends.release(released, released)
    await assert.rejects(makeDesk()().admit(), {
      code: 'HANSE_AUTHORIZATION_EXPIRED',
      message: /given back/u,
    })
  })

  test('that expires while it waits is not taken any more', async () => {
    const order = makeDesk()
    const first = await admitted(order().admit())
    const waiting = order().admit()
    await new Promise((resolve) => setImmediate(resolve))
    now += 10 * 60_000
    first.release()
    await assert.rejects(waiting, { code: 'HANSE_ORDER_EXPIRED' })
    assert.equal(scheduler.free(MODEL), 1)
  })
})

describe('a payer that left windows unpaid', () => {
  const unpaid = (payer: string, at: number) =>
    store.payers.ended([payer], { paid: picoEuro(0n), unpaid: picoEuro(100n) }, at)
  const peer = `peer/${consumer.peerId}`

  test('is to pay for the prompt first, whichever key of its organization asks', async () => {
    const order = makeDesk()
    const first = await admitted(order().admit())
    first.release()
    assert.equal(first.prepaid, false)
    const [, organization] = first.payers
    assert.ok(organization !== undefined)
    assert.match(organization, new RegExp(`^organization/${settlement.peerId}/`, 'u'))
    unpaid(organization, NOW)
    const second = await admitted(order().admit())
    second.release()
    assert.equal(second.prepaid, true)
  })

  test('again and again is refused for a time, with a code of its own, and takes no slot', async () => {
    const order = makeDesk()
    for (let i = 0; i < 3; i++) unpaid(peer, NOW - (2 - i) * 40_000)
    await assert.rejects(order().admit(), { code: 'HANSE_PAYMENT_OVERDUE', retryAfterMs: 60_000 })
    assert.equal(scheduler.free(MODEL), 1)
    now += 60_000
    const later = await admitted(order().admit())
    later.release()
    assert.equal(later.prepaid, true)
  })

  test('is judged when its slot comes free, not only when it asked', async () => {
    const order = makeDesk()
    const first = await admitted(order().admit())
    const waiting = order().admit()
    await new Promise((resolve) => setImmediate(resolve))
    unpaid(peer, NOW)
    first.release()
    assert.equal((await admitted(waiting)).prepaid, true)
  })
})

describe('an authorization', () => {
  test('is never spent beyond its limit, however many orders come at once', async () => {
    scheduler = open(8)
    const order = makeDesk(3n * COST)
    const outcomes = await codes(Array.from({ length: 6 }, async () => await order().admit()))
    assert.equal(outcomes.filter((outcome) => outcome === 'admitted').length, 3)
    const others = outcomes.filter((outcome) => outcome !== 'admitted')
    assert.deepEqual([...new Set(others)], ['HANSE_AUTHORIZATION_EXHAUSTED'])
    assert.equal(scheduler.free(MODEL), 5, 'who was refused holds no slot')
  })

  test('is spent when an order’s turn comes, not when the order comes', async () => {
    const order = makeDesk(2n * COST - 1n)
    const first = await admitted(order().admit())
    await assert.rejects(order().admit(), { code: 'HANSE_AUTHORIZATION_EXHAUSTED' })
    first.release()
    ;(await admitted(order().admit())).release()
  })
})

const says = (part: object) => ({ messages: [{ role: 'user', content: [part] }] })

describe('the kind of a request', () => {
  test.each([
    [{ prompt: 'x' }, ['chat', 'completion'], 'completion', 1000],
    [{ input: ['x'] }, ['embedding'], 'embedding', 0],
    [{ messages: [] }, [], 'chat', 1000],
  ] as const)('%j is known by its body', async (request, offered, kind, maxOutputTokens) => {
    capabilities = [...offered]
    const admission = await admitted(makeDesk()({}, body(request)).admit())
    assert.equal(admission.kind, kind)
    const fixed = { id: 'x', created: 1, model: 'm', seed: 2 }
    for await (const _ of admission.run(live(), fixed));
    admission.release()
    const [request_] = asked
    assert.equal(request_?.kind, kind)
    assert.equal(request_?.maxOutputTokens, maxOutputTokens)
    assert.equal(request_?.model, 'its-own-name')
    assert.deepEqual(request_?.fixed, fixed)
  })

  test.each([
    [{ prompt: 'x' }, 'offered for chat only'],
    [{ messages: [], prompt: 'x' }, 'just one of them'],
    [{ model: 'x' }, 'just one of them'],
    [{ messages: 'x' }, 'must be an array'],
    [[], 'not a JSON object'],
    [{ messages: [], chat_template: '{{ x }}' }, 'chat_template: not on a market'],
    [{ prompt: 'x', lora_path: '/etc' }, 'lora_path: not on a market'],
    [
      says({ type: 'image_url', image_url: { url: 'http://169.254.169.254/' } }),
      'fetch no addresses',
    ],
    [says({ type: 'video_url', video_url: 'file:///etc/passwd' }), 'fetch no addresses'],
    [says({ type: 'image_embeds', image_embeds: 'x' }), 'serialized tensors'],
  ])('%j is refused', async (request, message) => {
    await assert.rejects(makeDesk()({}, body(request)).admit(), (error: HanseError) => {
      return error.code === 'HANSE_REQUEST_INVALID' && error.message.includes(message)
    })
    assert.equal(scheduler.free(MODEL), 1)
  })

  test('of bytes that are no JSON is refused without repeating them', async () => {
    const prompt = new TextEncoder().encode('{"secret words')
    await assert.rejects(makeDesk()({}, prompt).admit(), (error: HanseError) => {
      return error.code === 'HANSE_REQUEST_JSON' && error.cause === undefined
    })
  })
})

describe('prices', () => {
  const dearer = { inputPrice: INPUT_PRICE, outputPrice: picoEuro(OUTPUT_PRICE + 20_000n) }

  test('that have moved above the offer are asked for, and no slot is taken', async () => {
    prices = dearer
    assert.deepEqual(await makeDesk()().admit(), { ask: dearer })
    assert.equal(scheduler.free(MODEL), 1)
  })

  test('that have fallen do not matter to an order at the offer’s', async () => {
    prices = { inputPrice: picoEuro(1n), outputPrice: picoEuro(1n) }
    ;(await admitted(makeDesk()().admit())).release()
  })

  test('of a quote hold, also when they have moved since', async () => {
    const order = makeDesk()
    const { ordered } = order()
    const value = {
      order: ordered.order.cid,
      consumer: consumer.peerId,
      provider: provider.peerId,
      ...dearer,
      round: 1,
      notAfter: NOW + 10_000,
    }
    const round = { order: ordered.order, quote: sign(quote, value, 'provider', provider) }
    prices = { inputPrice: INPUT_PRICE, outputPrice: picoEuro(OUTPUT_PRICE * 3n) }
    const next = order({ ...dearer, quote: round.quote.cid })
    ;(await admitted(next.again([round]))).release()
    const below = order({ quote: round.quote.cid })
    assert.deepEqual(await below.again([round]), { ask: prices })
  })
})

test('prompts that wait hold no more memory than one peer may', async () => {
  const release = Promise.withResolvers<void>()
  counting = release.promise
  scheduler = open(100)
  const order = makeDesk()
  const large = body({ messages: [], pad: 'x'.repeat(15 << 20) })
  const held = Array.from({ length: 4 }, async () => await order({}, large).admit())
  await assert.rejects(order({}, large).admit(), { code: 'HANSE_CONNECTION_LIMIT' })
  release.resolve()
  for (const admission of held) (await admitted(admission)).release()
  ;(await admitted(order({}, large).admit())).release()
})

test('what an answer shows of the engine’s speed is learnt', async () => {
  const admission = await admitted(makeDesk()().admit())
  for await (const _ of admission.run(live()));
  admission.release()
  assert.equal(scheduler.tokensPerSecond(MODEL), 500)
})
