import assert from 'node:assert/strict'
import { exportBundle, HanseError, picoEuro, receipt, verifyBundle } from '@hanse/protocol'
import { afterAll, beforeAll, beforeEach, describe, test, vi } from 'vitest'
import { type Engine, EngineError, type EngineEvent } from '../engine/index.ts'
import type { Answer } from './answer.ts'
import { Consumer, type ConsumerOptions } from './consumer.ts'
import type { InferenceRequest, RequestPolicy } from './request.ts'
import { BREAKER_LIMITS } from './routing/breaker.ts'
import { ROUTING_DEFAULTS, type RoutingSettings } from './routing/settings.ts'
import { openSmallMarket, type SmallMarket } from './testing/small-market.ts'

const MODEL = 'test/model'
const INPUT_TOKENS = 5
/** Pico-euro per token, as in the small market. */
const INPUT_PRICE = 1n
const OUTPUT_PRICE = 2n

/** What an engine does with a request: two tokens, a fault, or nothing until it is cancelled. */
type Act = 'answer' | 'fail' | 'refuse' | 'hang'

interface Actor extends Engine {
  act: Act
  asked: number
  running: number
}

function actor(): Actor {
  const engine: Actor = {
    name: 'actor',
    act: 'answer',
    asked: 0,
    running: 0,
    models: async () => [
      {
        id: MODEL,
        contextLength: 10_000,
        digest: null,
        quantization: null,
        capabilities: ['chat'],
      },
    ],
    health: async () => ({ ready: true, message: '', models: [] }),
    run: async function* (_request, signal): AsyncGenerator<EngineEvent[]> {
      engine.asked++
      engine.running++
      try {
        yield [{ type: 'start', inputTokens: INPUT_TOKENS }]
        if (engine.act === 'fail') throw new EngineError('HANSE_ENGINE_FAILED', 'it broke')
        if (engine.act === 'refuse') throw new EngineError('HANSE_ENGINE_REFUSED', 'no')
        if (engine.act === 'hang')
          await new Promise((_, reject) =>
            signal.addEventListener('abort', () => reject(signal.reason)),
          )
        yield [token('one'), token('two')]
        const usage = { inputTokens: INPUT_TOKENS, outputTokens: 2, cachedInputTokens: 0 }
        yield [{ type: 'end', finishReason: 'stop', usage }]
      } finally {
        engine.running--
      }
    },
    [Symbol.asyncDispose]: async () => {},
  }
  return engine
}

function token(content: string): EngineEvent {
  const payload = { id: 'x', choices: [{ index: 0, delta: { content }, finish_reason: null }] }
  return { type: 'delta', tokens: 1, payload: new TextEncoder().encode(JSON.stringify(payload)) }
}

const [one, two] = [actor(), actor()]
let market: SmallMarket
/** Peer ids. */
let [first, second] = ['', '']

beforeAll(async () => {
  market = await openSmallMarket([one, two])
  ;[first, second] = market.providers as [string, string]
})
afterAll(async () => await market[Symbol.asyncDispose]())
beforeEach(() => {
  for (const engine of [one, two]) Object.assign(engine, { act: 'answer', asked: 0 })
})

/** Timers that run when the test says so. */
class Timers {
  readonly #waiting = new Set<{ ms: number; run: () => void }>()

  readonly set = (ms: number, run: () => void): (() => void) => {
    const timer = { ms, run }
    this.#waiting.add(timer)
    return () => this.#waiting.delete(timer)
  }

  get waiting(): readonly number[] {
    return [...this.#waiting].map(({ ms }) => ms)
  }

  /** The one that is due first. */
  fire(): void {
    const [next] = [...this.#waiting].toSorted((a, b) => a.ms - b.ms)
    if (next === undefined) throw new Error('no timer')
    this.#waiting.delete(next)
    next.run()
  }
}

function consumer(
  routing: Partial<RoutingSettings> = {},
  changes: Partial<ConsumerOptions> = {},
): Consumer {
  const { options } = market
  return new Consumer({
    ...options,
    settings: {
      ...options.settings,
      routing: { ...ROUTING_DEFAULTS, exploreShare: 0, ...routing },
    },
    ...changes,
  })
}

const asking = (policy: RequestPolicy = {}, model = MODEL): InferenceRequest => ({
  kind: 'chat',
  model,
  body: new TextEncoder().encode('{"messages":[{"role":"user","content":"hi"}]}'),
  maxOutputTokens: 10,
  policy,
})

const live = () => ({ signal: new AbortController().signal })

/** Reads to the end. */
async function whole(answer: Answer): Promise<number> {
  let payloads = 0
  for await (const batch of answer.payloads) payloads += batch.length
  await answer.outcome
  return payloads
}

/** For about as long as a test may take: a loaded machine is slow. */
async function until(isSo: () => boolean): Promise<void> {
  await vi.waitUntil(isSo, { timeout: 25_000, interval: 10 })
}

describe('before the first token', () => {
  test('another provider is asked at once, and what the first one did is in the bill', async () => {
    one.act = 'fail'
    const answer = await consumer().request(asking({ order: [first] }), live())
    assert.equal(answer.provider, second)
    assert.equal(await whole(answer), 2)
    const { sessions, amount } = await answer.bill
    assert.deepEqual(
      new Map(sessions.map(({ provider, reason }) => [provider, reason])),
      new Map([
        [first, 'engine-failed'],
        [second, 'completed'],
      ]),
    )
    assert.equal(
      amount,
      sessions.reduce((sum, { last }) => sum + (last?.amount ?? 0n), 0n),
    )
    assert.deepEqual([one.asked, two.asked], [1, 1])
  })

  test('nobody else is asked where the client wants no fallback, or the request is at fault', async () => {
    one.act = 'fail'
    await assert.rejects(
      consumer().request(asking({ order: [first], allowFallbacks: false }), live()),
      { code: 'HANSE_ENGINE_FAILED' },
    )
    one.act = 'refuse'
    const buyer = consumer()
    for (let i = 0; i < 5; i++)
      await assert.rejects(buyer.request(asking({ order: [first] }), live()), {
        code: 'HANSE_ENGINE_REFUSED',
      })
    assert.equal(two.asked, 0)
    assert.ok((await buyer.providers(MODEL)).every(({ state }) => state === 'closed'))
  })

  test('all have failed: the client is told by whom and of what', async () => {
    one.act = 'fail'
    two.act = 'fail'
    await assert.rejects(consumer().request(asking(), live()), (error) => {
      assert.ok(error instanceof HanseError)
      assert.equal(error.code, 'HANSE_ENGINE_FAILED')
      assert.match(error.message, /2 HANSE_ENGINE_FAILED/u)
      return true
    })
  })

  test('a client that gives up stops the engine', async () => {
    one.act = 'hang'
    const gone = new AbortController()
    const asked = consumer().request(asking({ only: [first] }), { signal: gone.signal })
    await until(() => one.running === 1)
    gone.abort()
    await assert.rejects(asked, { code: 'HANSE_SESSION_CANCELLED' })
    await until(() => one.running === 0)
  })
})

describe('a provider that fails', () => {
  test('again and again is not asked any more, and shown as such', async () => {
    one.act = 'fail'
    const buyer = consumer()
    const { failuresInRow } = BREAKER_LIMITS
    for (let i = 0; i < failuresInRow + 3; i++)
      await whole(await buyer.request(asking({ order: [first] }), live()))
    assert.equal(one.asked, failuresInRow)
    assert.equal(two.asked, failuresInRow + 3)
    const rows = await buyer.providers(MODEL)
    assert.deepEqual(
      new Map(rows.map(({ provider, state }) => [provider, state])),
      new Map([
        [first, 'open'],
        [second, 'closed'],
      ]),
    )
  })

  test('to answer at all is not waited for by the next request', async () => {
    const { network } = market.options
    let dialed = 0
    const addresses = new Set(
      (await market.options.directory.find(MODEL, ['*']))
        .filter(({ offer }) => offer.provider === first)
        .flatMap((known) => known.addresses),
    )
    const buyer = consumer(
      {},
      {
        directory: await market.freshDirectory(),
        network: {
          openStream: async (to, ...more) => {
            if (![to].flat().some((address) => addresses.has(address)))
              return await network.openStream(to, ...more)
            dialed++
            throw new Error('nobody is there')
          },
        },
      },
    )
    for (let i = 0; i < 4; i++)
      assert.equal((await buyer.request(asking({ order: [first] }), live())).provider, second)
    assert.equal(dialed, 1)
  })
})

describe('hedging', () => {
  test('a late first token: the second provider answers, and the first is paid for exactly what it did', async () => {
    one.act = 'hang'
    const timers = new Timers()
    const buyer = consumer({ hedge: true, hedgeShare: 1 }, { timer: timers.set })
    const asked = buyer.request(asking({ order: [first] }), live())
    await until(() => one.running === 1)
    timers.fire()
    const answer = await asked
    assert.equal(answer.provider, second)
    assert.equal(await whole(answer), 2)
    assert.deepEqual(timers.waiting, [])
    const { sessions, amount } = await answer.bill
    await until(() => one.running === 0)
    const lost = sessions.find(({ provider }) => provider === first)
    assert.equal(lost?.reason, 'cancelled')
    // It had read the prompt and said nothing.
    assert.equal(lost?.last?.final, 'cancelled')
    assert.equal(lost?.last?.inputTokens, BigInt(INPUT_TOKENS))
    assert.equal(lost?.last?.outputTokens, 0n)
    const prompt = BigInt(INPUT_TOKENS) * INPUT_PRICE
    assert.equal(lost?.last?.amount, prompt)
    assert.equal(amount, 2n * prompt + 2n * OUTPUT_PRICE)
    const [providerStore] = market.providerStores
    const { session } = lost
    await until(() => providerStore?.receipts(session).length === 1)
    assert.deepEqual(providerStore?.receipts(session), market.store.receipts(session))
    const evidence = market.store.evidence(session, market.networkName)
    assert.ok(evidence !== undefined)
    const [last] = evidence.receipts.slice(-1)
    assert.equal(last && receipt.decode(last.bytes).amount, picoEuro(prompt))
    assert.ok(verifyBundle(exportBundle(evidence)).verified)
  })

  test('is left where the request says so, and where its share is used up', async () => {
    for (const [policy, hedgeShare] of [
      [{ hedge: false }, 1],
      [{}, 0],
    ] as const) {
      one.act = 'hang'
      const timers = new Timers()
      const gone = new AbortController()
      const buyer = consumer({ hedge: true, hedgeShare }, { timer: timers.set })
      const asked = buyer.request(asking({ ...policy, order: [first] }), { signal: gone.signal })
      await until(() => one.running === 1)
      // Without a hedge there are only patience and the deadline to wait for.
      if (hedgeShare === 0) timers.fire()
      assert.equal(timers.waiting.length, 2)
      assert.equal(two.asked, 0)
      gone.abort()
      await assert.rejects(asked)
      await until(() => one.running === 0)
    }
  })

  test('patience with one that says nothing ends without it, too', async () => {
    one.act = 'hang'
    const timers = new Timers()
    const asked = consumer({}, { timer: timers.set }).request(asking({ order: [first] }), live())
    await until(() => one.running === 1)
    timers.fire()
    const answer = await asked
    assert.equal(answer.provider, second)
    await whole(answer)
    await answer.bill
  })
})

describe('a request', () => {
  test('goes only to whom it names, and never to whom it rules out', async () => {
    const buyer = consumer()
    for (let i = 0; i < 3; i++) {
      await whole(await buyer.request(asking({ only: [second] }), live()))
      await whole(await buyer.request(asking({ ignore: [first] }), live()))
    }
    assert.deepEqual([one.asked, two.asked], [0, 6])
    const none = buyer.request(asking({ only: [second], ignore: [second] }), live())
    await assert.rejects(none, (error) => {
      assert.ok(error instanceof HanseError && error.code === 'HANSE_NO_PROVIDER')
      return /2 provider/u.test(error.message)
    })
  })

  test('that asks for less than the node allows is met with reasons, and nothing leaves', async () => {
    const buyer = consumer()
    const faults: [RequestPolicy, RegExp][] = [
      [{ regions: ['FR'] }, /DE is outside FR/u],
      [{ minLevel: 2 }, /level 0, the request asks for 2/u],
      [{ maxOutputPrice: picoEuro(1n) }, /output costs/u],
    ]
    for (const [policy, reason] of faults)
      await assert.rejects(buyer.request(asking(policy), live()), reason)
    const embedding = { ...asking(), kind: 'embedding' as const }
    await assert.rejects(buyer.request(embedding, live()), /offered for chat/u)
    assert.deepEqual([one.asked, two.asked], [0, 0])
  })

  test('orders with its own residency, so that the provider checks it, too', async () => {
    const answer = await consumer().request(asking({ regions: ['DE', 'US'] }), live())
    await whole(answer)
    const evidence = market.store.evidence(answer.session, market.networkName)
    assert.ok(evidence !== undefined)
    const report = verifyBundle(exportBundle(evidence))
    assert.ok(report.verified)
    const { detail } = report.checks.find(({ id }) => id === 'residency') ?? {}
    assert.match(detail ?? '', /^DE is in DE, US;/u)
  })

  test('finds its model by alias, by shortcut, and by fallback', async () => {
    const aliases = new Map([['small', ['test/nobody', MODEL]]])
    const buyer = consumer({ aliases })
    for (const model of ['small', `${MODEL}:floor`, 'small:nitro']) {
      const answer = await buyer.request(asking({}, model), live())
      assert.equal(answer.model, MODEL)
      await whole(answer)
    }
    const answer = await buyer.request(
      asking({ models: ['test/no', MODEL] }, 'test/nobody'),
      live(),
    )
    assert.equal(answer.model, MODEL)
    await whole(answer)
    await assert.rejects(buyer.request(asking({}, 'test/nobody'), live()), {
      code: 'HANSE_MODEL_UNKNOWN',
    })
  })

  test('of a conversation goes where the one before it went', async () => {
    const buyer = consumer()
    const policy = { affinity: 'mine' }
    const answer = await buyer.request(asking(policy), live())
    await whole(answer)
    for (let i = 0; i < 8; i++) {
      const next = await buyer.request(asking(policy), live())
      assert.equal(next.provider, answer.provider)
      await whole(next)
    }
  })
})

test('what was measured is told of each provider, and kept', async () => {
  using buyer = consumer({}, { measurements: market.store.measurements })
  for (let i = 0; i < 3; i++) await whole(await buyer.request(asking({ only: [first] }), live()))
  const rows = await buyer.providers(MODEL)
  assert.equal(rows.length, 2)
  const row = rows.find(({ provider }) => provider === first)
  assert.ok(row !== undefined && row.measured.observations > 2.9)
  assert.ok(row.measured.firstTokenP50Ms !== null)
  assert.equal(rows.find(({ provider }) => provider === second)?.measured.firstTokenP50Ms, null)
  assert.equal(rows[0]?.score, 1)
  buyer[Symbol.dispose]()
  const again = await consumer({}, { measurements: market.store.measurements }).providers(MODEL)
  assert.ok((again.find(({ provider }) => provider === first)?.measured.observations ?? 0) > 2.9)
})
