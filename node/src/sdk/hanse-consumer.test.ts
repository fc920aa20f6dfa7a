import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { picoEuro } from '@hanse/protocol'
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { OfferDirectory } from '../consumer/offer-directory.ts'
import { openSmallMarket, type SmallMarket } from '../consumer/testing/small-market.ts'
import { Network } from '../network/index.ts'
import { HanseConsumer } from './hanse-consumer.ts'
import {
  type Bill,
  createConsumer,
  type Failover,
  type FoundCheck,
  HanseError,
  MemoryStore,
} from './node.ts'
import { type ConsumerOptions, resolveOptions } from './options.ts'
import { ScriptedEngine } from './testing/scripted-engine.ts'

const MODEL = 'test/scripted'
const HELLO = { model: MODEL, messages: [{ role: 'user', content: 'hi' }] }

const engine = new ScriptedEngine(MODEL)
let market: SmallMarket
let bootstrap: string[]
let hanse: HanseConsumer

const optionsOf = (more: Partial<ConsumerOptions> = {}): ConsumerOptions => ({
  bootstrap,
  network: market.networkName,
  residency: [],
  minLevel: 0,
  receiptEvery: 16,
  ...more,
})

beforeAll(async () => {
  market = await openSmallMarket([engine])
  const { network } = market.options
  assert.ok(network instanceof Network)
  bootstrap = network.addresses()
  hanse = await createConsumer(optionsOf())
})

afterAll(async () => {
  await hanse?.close()
  await market?.[Symbol.asyncDispose]()
})

describe('a chat', () => {
  test('comes as typed chunks, and is whole with its text, usage, receipts and bundle', async () => {
    const stream = await hanse.chat({ ...HELLO, max_tokens: 40 })
    assert.equal(stream.provider, market.providers[0])
    assert.equal(stream.country, 'DE')
    let text = ''
    for await (const { choices } of stream) text += choices[0]?.delta.content ?? ''
    assert.equal(text, engine.text(40))
    assert.equal(await stream.text(), text)
    const { usage, choices } = await stream.final()
    assert.equal(usage.completion_tokens, 40)
    assert.equal(choices[0]?.finish_reason, 'stop')

    const { amount, sessions } = await stream.bill
    assert.deepEqual(
      sessions.map(({ reason }) => reason),
      ['completed'],
    )
    const last = stream.receipts.at(-1)
    assert.equal(last?.amount, amount)
    assert.ok(stream.receipts.length >= 3)
    const report = hanse.verify(await stream.bundle())
    assert.ok(report.verified, JSON.stringify(report.checks.at(-1)))
    assert.equal(report.summary?.session, stream.session)
    assert.equal(report.summary?.amount, amount)
  })

  test('can be had whole at once', async () => {
    const { choices, usage } = await (await hanse.chat({ ...HELLO, max_tokens: 3 })).final()
    assert.equal(choices[0]?.message.content, engine.text(3))
    assert.ok(usage.cost > 0)
  })

  test('gives several choices, each with receipts of its own', async () => {
    const stream = await hanse.chat({ ...HELLO, max_tokens: 4, n: 2 })
    const { choices } = await stream.final()
    assert.deepEqual(
      choices.map(({ index, message }) => [index, message.content]),
      [
        [0, engine.text(4)],
        [1, engine.text(4)],
      ],
    )
    assert.equal(new Set(stream.parts.map(({ session }) => session)).size, 2)
  })

  test('that the reader leaves ends at the provider, and what came is paid for', async () => {
    const stream = await hanse.chat({ ...HELLO, max_tokens: 9_000 })
    let chunks = 0
    for await (const _ of stream) if (++chunks === 30) break
    const { sessions, amount } = await stream.bill
    assert.equal(sessions[0]?.reason, 'cancelled')
    assert.ok(amount > 0n)
    await until(() => engine.running === 0)
    await assert.rejects(stream.final(), { code: 'HANSE_SESSION_CANCELLED' })
  })

  test('that goes out of scope ends at the provider', async () => {
    let bill: Promise<Bill>
    {
      await using stream = await hanse.chat({ ...HELLO, max_tokens: 9_000 })
      bill = stream.bill
    }
    const { sessions } = await bill
    assert.equal(sessions[0]?.reason, 'cancelled')
    await until(() => engine.running === 0)
  })

  test('ends by its signal, in the middle and before it begins', async () => {
    const gone = new AbortController()
    const stream = await hanse.chat({ ...HELLO, max_tokens: 9_000 }, { signal: gone.signal })
    const read = async () => {
      for await (const _ of stream) gone.abort()
    }
    await assert.rejects(read(), { code: 'HANSE_SESSION_CANCELLED' })
    await until(() => engine.running === 0)
    const aborted = hanse.chat(HELLO, { signal: AbortSignal.abort(new Error('mine')) })
    await assert.rejects(aborted, (error) => {
      assert.ok(error instanceof HanseError)
      assert.equal(error.code, 'HANSE_SESSION_CANCELLED')
      return true
    })
  })
})

test('a text completion comes as chunks, too', async () => {
  const stream = await hanse.completions({ model: MODEL, prompt: 'Once', max_tokens: 5 })
  let text = ''
  for await (const { choices } of stream) text += choices[0]?.text ?? ''
  assert.equal(text, engine.text(5))
  assert.equal((await stream.final()).usage.completion_tokens, 5)
})

test('embeddings come as one object', async () => {
  const { data, usage } = await hanse.embeddings({ model: MODEL, input: ['one', 'two'] })
  assert.deepEqual(
    data.map(({ embedding }) => embedding),
    [engine.vector(0), engine.vector(1)],
  )
  assert.ok(usage.prompt_tokens > 0)
})

describe('the market', () => {
  test('is told: models, and offers with why others do not fit', async () => {
    const [model] = await hanse.models()
    assert.equal(model?.id, MODEL)
    assert.equal(model?.hanse.offers, 1)
    const { candidates } = await hanse.offers(MODEL)
    assert.equal(candidates[0]?.known.offer.provider, market.providers[0])
    const { excluded } = await hanse.offers(MODEL, { regions: ['FR'] })
    assert.equal(excluded[0]?.reasons[0]?.code, 'residency')
  })
})

describe('errors are HanseErrors with a code', () => {
  test('when nobody offers the model', async () => {
    await assert.rejects(hanse.chat({ ...HELLO, model: 'no/such' }), (error) => {
      assert.ok(error instanceof HanseError)
      assert.equal(error.code, 'HANSE_MODEL_UNKNOWN')
      return true
    })
  })

  test('when the policy of the request rules everybody out', async () => {
    const nowhere = hanse.chat(HELLO, { policy: { regions: ['FR'] } })
    await assert.rejects(nowhere, { code: 'HANSE_NO_PROVIDER' })
  })

  test('with the name of the field that is wrong', async () => {
    const wrong = hanse.chat({ ...HELLO, messages: [] })
    await assert.rejects(wrong, { code: 'HANSE_REQUEST_INVALID', param: 'messages' })
  })

  test('when no bootstrap answers', async () => {
    const peer = bootstrap[0]?.split('/p2p/')[1]
    const closed = [`/ip4/127.0.0.1/tcp/1/p2p/${peer}`]
    await assert.rejects(createConsumer(optionsOf({ bootstrap: closed, connectMs: 300 })), {
      code: 'HANSE_NETWORK_UNREACHABLE',
    })
  })

  test.each<[string, object]>([
    ['bootstrap.0', { bootstrap: ['localhost:4001'] }],
    ['residency.0', { residency: ['Europe'] }],
    ['minLevel', { minLevel: 9 }],
    ['seed', { seed: new Uint8Array(31) }],
    ['maxOutputPrice', { maxOutputPrice: 'cheap' }],
    ['budget', { budget: '5 USD' }],
    ['routing.sort', { routing: { sort: 'cheapest' } }],
    ['failover.max', { failover: { max: -1 } }],
    ['unknown', { unknown: 1 }],
  ])('when the option %s is wrong, by its name', (name, wrong) => {
    assert.throws(
      () => resolveOptions(optionsOf(wrong)),
      (error) => {
        assert.ok(error instanceof HanseError)
        assert.equal(error.code, 'HANSE_CONFIG_INVALID')
        assert.ok(error.message.includes(name), error.message)
        return true
      },
    )
  })
})

describe('a budget', () => {
  test('stops what it cannot pay for, and is told', async () => {
    // Of 64 bytes and more of prompt at 1 pico-euro, and 40 tokens at 2.
    await using frugal = await createConsumer(optionsOf({ budget: picoEuro(600n) }))
    assert.equal(frugal.budgetLeft, 600n)
    await assert.rejects(frugal.chat({ ...HELLO, max_tokens: 400 }), {
      code: 'HANSE_BUDGET_EXHAUSTED',
    })
    const stream = await frugal.chat({ ...HELLO, max_tokens: 40 })
    await stream.final()
    const { amount } = await stream.bill
    assert.equal(frugal.spent, amount)
    assert.equal(frugal.budgetLeft, 600n - amount)
    const body = JSON.stringify({ ...HELLO, max_tokens: 400 })
    const response = await frugal.fetch('http://x/v1/chat/completions', { method: 'POST', body })
    assert.equal(response.status, 402)
  })
})

test('names stand for models, as the options say', async () => {
  const aliases = { small: ['no/such', MODEL] }
  await using buyer = await createConsumer(optionsOf({ routing: { aliases } }))
  const stream = await buyer.chat({ ...HELLO, model: 'small', max_tokens: 2 })
  assert.equal(stream.model, MODEL)
  assert.equal(await stream.text(), engine.text(2))
})

test('spot checks ask another provider for the same, tell what they found, and are paid from the budget', async () => {
  const digest = `sha256:${'a'.repeat(64)}`
  const engines = [new ScriptedEngine(MODEL, digest), new ScriptedEngine(MODEL, digest)]
  await using two = await openSmallMarket(engines)
  const { network } = two.options
  assert.ok(network instanceof Network)
  const options = optionsOf({ bootstrap: network.addresses(), spotChecks: { share: 1 } })
  await using buyer = await createConsumer(options)
  await until(async () => (await buyer.offers(MODEL)).candidates.length === 2)
  const { promise, resolve } = Promise.withResolvers<FoundCheck>()
  buyer.on('spotCheck', resolve)
  const stream = await buyer.chat({ ...HELLO, max_tokens: 20, temperature: 0 })
  await stream.text()
  const { check, differ } = await promise
  assert.equal(differ, false)
  const compared = [check.value.first.provider, check.value.second.provider]
  assert.deepEqual(compared.toSorted(), [...two.providers].toSorted())
  const { amount } = await stream.bill
  assert.ok(buyer.spent >= 2n * amount)
})

test('an answer whose provider stops in the middle goes on at another one, and both prove their part', async () => {
  const breaking = new ScriptedEngine(MODEL)
  breaking.breaksAfter = 20
  await using two = await openSmallMarket([breaking, new ScriptedEngine(MODEL)])
  const { network } = two.options
  assert.ok(network instanceof Network)
  await using buyer = await createConsumer(optionsOf({ bootstrap: network.addresses() }))
  await until(async () => (await buyer.offers(MODEL)).candidates.length === 2)
  const failovers: Failover[] = []
  buyer.on('failover', (failover) => failovers.push(failover))
  const [first = '', second] = two.providers
  const asked = { ...HELLO, max_tokens: 60 }
  const stream = await buyer.chat(asked, { policy: { order: [first] } })
  const text = await stream.text()
  assert.ok(text.startsWith(engine.text(20)))
  assert.deepEqual(
    stream.parts.map(({ provider }) => provider),
    [first, second],
  )
  assert.deepEqual(
    failovers.map(({ from, to }) => [from.provider, to.provider]),
    [[first, second]],
  )
  for (const part of stream.parts) assert.ok(buyer.verify(await stream.bundle(part)).verified)
  assert.equal((await stream.bill).amount, buyer.spent)
})

describe('events', () => {
  test('tell receipts and the end of sessions until nobody listens', async () => {
    const heard: string[] = []
    const stop = [
      hanse.on('receipt', ({ receipt }) => heard.push(receipt.final ?? 'running')),
      hanse.on('end', ({ reason }) => heard.push(`end ${reason}`)),
    ]
    const stream = await hanse.chat({ ...HELLO, max_tokens: 20 })
    await stream.final()
    await stream.bill
    for (const each of stop) each()
    assert.deepEqual(heard.slice(-2), ['completed', 'end completed'])
    assert.ok(heard.includes('running'))
    await (await hanse.chat({ ...HELLO, max_tokens: 2 })).final()
    assert.deepEqual(heard.slice(-2), ['completed', 'end completed'])
  })

  test('tell of a quote, and whether it was taken', async () => {
    const { network, signer, directory, now, random } = market.options
    const stale = cheaper(directory)
    await using buyer = new HanseConsumer({
      options: resolveOptions(optionsOf({ maxOutputPrice: picoEuro(2n) })),
      signer,
      network: network as Network,
      directory: stale,
      store: new MemoryStore(),
      source: undefined,
      residency: { allow: [], minLevel: 0, trustedAttestors: [] },
      now,
      random,
      resources: new AsyncDisposableStack(),
    })
    const quotes: object[] = []
    buyer.on('quote', (quote) => quotes.push(quote))
    const stream = await buyer.chat({ ...HELLO, max_tokens: 2 })
    await stream.final()
    const [before] = buyer.sessions().filter(({ reason }) => reason === 'quoted')
    assert.deepEqual(quotes, [
      { session: before?.session, inputPrice: 1n, outputPrice: 2n, taken: true },
    ])
    // The bundle, made of what was kept in memory, tells the whole story.
    const report = buyer.verify(await stream.bundle())
    assert.ok(report.verified, JSON.stringify(report.checks.at(-1)))
    assert.match(report.checks.find(({ id }) => id === 'prices')?.detail ?? '', /quoted/u)
  })
})

describe('what a consumer keeps', () => {
  test('in memory goes into an export, and comes back from it', async () => {
    const seed = new Uint8Array(32).fill(7)
    const store = new MemoryStore()
    let peerId: string
    let session: string
    {
      await using first = await createConsumer(optionsOf({ seed, store }))
      peerId = first.peerId
      const stream = await first.chat({ ...HELLO, max_tokens: 5 })
      await stream.final()
      await stream.bill
      session = stream.session
    }
    const again = new MemoryStore()
    again.import(store.export())
    await using second = await createConsumer(optionsOf({ seed, store: again }))
    assert.equal(second.peerId, peerId)
    assert.deepEqual(second.sessions(), store.sessions())
    assert.ok(second.verify(second.bundle(session)).verified)
  })

  test('in a data folder is there after a restart, for one process at a time', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'hanse-sdk-'))
    try {
      let session = ''
      let peerId = ''
      {
        await using first = await createConsumer(optionsOf({ dataDir }))
        await assert.rejects(createConsumer(optionsOf({ dataDir })), {
          code: 'HANSE_ALREADY_RUNNING',
        })
        const stream = await first.chat({ ...HELLO, max_tokens: 5 })
        await stream.final()
        await stream.bill
        ;({ session } = stream)
        ;({ peerId } = first)
      }
      await using second = await createConsumer(optionsOf({ dataDir }))
      assert.equal(second.peerId, peerId)
      assert.ok(second.verify(second.bundle(session)).verified)
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  })
})

test('closing ends what runs, and pays for what was delivered', async () => {
  const closing = await createConsumer(optionsOf())
  const stream = await closing.chat({ ...HELLO, max_tokens: 9_000 })
  const reader = stream[Symbol.asyncIterator]()
  await reader.next()
  await closing.close()
  const { sessions } = await stream.bill
  assert.equal(sessions[0]?.reason, 'cancelled')
  await until(() => engine.running === 0)
  await assert.rejects(closing.chat(HELLO), { code: 'HANSE_SESSION_CANCELLED' })
})

/** Remembers offers from when they were cheaper by a pico-euro. */
function cheaper(directory: OfferDirectory): OfferDirectory {
  return new Proxy(directory, {
    get: (target, key) => {
      if (key !== 'find') return Reflect.get(target, key).bind(target)
      return async (...asked: Parameters<OfferDirectory['find']>) =>
        (await target.find(...asked)).map((known) => ({
          ...known,
          offer: {
            ...known.offer,
            models: known.offer.models.map((model) => ({ ...model, outputPrice: picoEuro(1n) })),
          },
        }))
    },
  })
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve))
}
