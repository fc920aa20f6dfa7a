import assert from 'node:assert/strict'
import { openSigned, type PeerId, spotCheck, spotCheckSigners } from '@hanse/protocol'
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { Engine } from '../../engine/index.ts'
import { Consumer } from '../consumer.ts'
import type { InferenceRequest } from '../request.ts'
import { openSmallMarket, type SmallMarket } from '../testing/small-market.ts'
import { type FoundCheck, SpotChecker, type SpotCheckSettings } from './spot-checker.ts'
import type { Standing } from './verdict.ts'

const MODEL = 'test/model'
const DIGEST = `sha256:${'12'.repeat(32)}`
const TRUTH = 'The capital of France is Paris, which lies on the river Seine.'
const LIE = 'I am a much smaller model that somebody sells for a large one.'

/** Says the same whatever it is asked, with the weights it claims. */
function engineSaying(text: string, reproducible: string | null, digest = DIGEST): Engine {
  return {
    name: 'double',
    models: async () => [
      {
        id: MODEL,
        contextLength: 10_000,
        digest,
        quantization: null,
        capabilities: ['chat'],
        reproducible,
      },
    ],
    health: async () => ({ ready: true, message: '', models: [] }),
    run: async function* () {
      const words = text.split(/(?<= )/u)
      yield [{ type: 'start', inputTokens: 5 }]
      for (const word of words)
        yield [{ type: 'delta', tokens: 1, payload: chunk({ content: word }, null) }]
      yield [
        { type: 'delta', tokens: 0, payload: chunk({}, 'stop') },
        {
          type: 'end',
          finishReason: 'stop',
          usage: { inputTokens: 5, outputTokens: words.length, cachedInputTokens: 0 },
        },
      ]
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

const chunk = (delta: object, finish_reason: string | null): Uint8Array =>
  new TextEncoder().encode(
    JSON.stringify({ id: 'x', choices: [{ index: 0, delta, finish_reason }] }),
  )

const asking = (fields: object): InferenceRequest => ({
  kind: 'chat',
  model: MODEL,
  body: new TextEncoder().encode(
    JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'Capital?' }], ...fields }),
  ),
  maxOutputTokens: 100,
  policy: {},
})

/** Asks through a checker, and tells what came of it. */
async function checked(
  market: SmallMarket,
  {
    first,
    fields = { temperature: 0 },
    settings = { share: 1, differentFrom: 600_000 },
    others = market.providers,
  }: {
    first: string | undefined
    fields?: object
    settings?: SpotCheckSettings
    others?: readonly string[]
  },
) {
  const found: FoundCheck[] = []
  const told = new Map<PeerId, Standing>()
  const faults: unknown[] = []
  const chances = [0.5]
  const consumer = new Consumer(market.options)
  const checker = new SpotChecker({
    networkName: market.networkName,
    signer: market.options.signer,
    store: market.store,
    settings,
    consumer: {
      request: async (request, options) => await consumer.request(request, options),
      match: async (model, policy) => {
        const match = await consumer.match(model, policy)
        const candidates = others.flatMap((other) =>
          match.candidates.filter(({ known }) => known.offer.provider === other),
        )
        return { ...match, candidates }
      },
    },
    onFound: (check) => found.push(check),
    onStanding: (provider, _model, standing) => told.set(provider, standing),
    onFault: (error) => faults.push(error),
    now: Date.now,
    // First whether to check at all, then who is asked: those who come first.
    chance: () => chances.shift() ?? 0,
  })
  const request = asking(fields)
  const policy = first === undefined ? {} : { only: [first] }
  const { signal } = new AbortController()
  const answer = checker.watch(request, await consumer.request({ ...request, policy }, { signal }))
  for await (const _ of answer.payloads);
  await checker.idle()
  assert.deepEqual(faults, [])
  return { found, standings: market.providers.map((provider) => told.get(provider as PeerId)) }
}

describe('of three providers, one that sells other weights', () => {
  let market: SmallMarket
  let honest: string
  let other: string
  let cheat: string
  beforeAll(async () => {
    market = await openSmallMarket([
      engineSaying(TRUTH, null),
      engineSaying(TRUTH, null),
      engineSaying(LIE, null),
    ])
    ;[honest = '', other = '', cheat = ''] = market.providers
  })
  afterAll(async () => await market?.[Symbol.asyncDispose]())

  test('is confirmed with the other honest one, and signed evidence says so', async () => {
    const { found, standings } = await checked(market, { first: honest, others: [other] })
    assert.deepEqual(standings, ['confirmed', 'confirmed', undefined])
    assert.equal(found.length, 1)
    const [only] = found
    assert.ok(only !== undefined)
    const { value } = openSigned(
      { network: market.networkName },
      spotCheck,
      only.check,
      spotCheckSigners,
    )
    assert.equal(value.divergence, 0)
    assert.equal(value.digest, DIGEST)
    assert.deepEqual([value.first.provider, value.second.provider], [honest, other])
    const evidence = market.store.evidence(value.first.order.toString(), market.networkName)
    assert.ok(evidence !== undefined)
  })

  test('is found out when it is asked first, and a third decides', async () => {
    const { found, standings } = await checked(market, { first: cheat })
    assert.deepEqual(standings, ['confirmed', 'confirmed', 'refuted'])
    assert.deepEqual(
      found.map(({ differ }) => differ),
      [true, true, false],
    )
    assert.deepEqual(found[0]?.texts, [LIE, TRUTH])
  })

  test('is found out when it is asked second', async () => {
    const { standings } = await checked(market, { first: honest, others: [cheat, other] })
    assert.deepEqual(standings, ['confirmed', 'confirmed', 'refuted'])
  })

  test('without a third, both are doubtful', async () => {
    const { standings } = await checked(market, { first: honest, others: [honest, cheat] })
    assert.deepEqual(standings, ['doubtful', undefined, 'doubtful'])
  })

  test('is not looked for among answers that nobody can compare', async () => {
    for (const fields of [{}, { temperature: 0.7, seed: 4 }, { temperature: 0, n: 2 }]) {
      const { found } = await checked(market, { first: honest, fields })
      assert.deepEqual(found, [])
    }
  })

  test('is not looked for beyond the share', async () => {
    const settings = { share: 0.5, differentFrom: 1 }
    const { found } = await checked(market, { first: honest, settings })
    assert.deepEqual(found, [])
  })
})

describe('providers that promise the same bytes', () => {
  let market: SmallMarket
  beforeAll(async () => {
    market = await openSmallMarket([
      engineSaying(TRUTH, 'engine 1'),
      engineSaying(TRUTH.replace('Seine', 'seine'), 'engine 1'),
      engineSaying(TRUTH, 'engine 2'),
    ])
  })
  afterAll(async () => await market?.[Symbol.asyncDispose]())

  test('are held to every byte, at any temperature', async () => {
    const [first, second = ''] = market.providers
    const fields = { temperature: 1 }
    const { found, standings } = await checked(market, { first, fields, others: [second] })
    assert.deepEqual([found[0]?.check.value.promised, found[0]?.differ], [true, true])
    assert.deepEqual(standings, ['doubtful', 'doubtful', undefined])
  })

  test('are compared with no other engine, unless the request is greedy', async () => {
    const [first, , third = ''] = market.providers
    const drawn = await checked(market, { first, fields: { temperature: 1 }, others: [third] })
    assert.deepEqual(drawn.found, [])
    const greedy = await checked(market, { first, others: [third] })
    assert.equal(greedy.found[0]?.check.value.promised, false)
    assert.deepEqual(greedy.standings, ['confirmed', undefined, 'confirmed'])
  })
})
