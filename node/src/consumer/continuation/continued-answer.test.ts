import assert from 'node:assert/strict'
import { type PicoEuro, picoEuro, SESSION_PROTOCOL } from '@hanse/protocol'
import { afterAll, afterEach, beforeAll, beforeEach, describe, test } from 'vitest'
import { type Engine, EngineError, type EngineEvent } from '../../engine/index.ts'
import type { Answer } from '../answer.ts'
import { Consumer } from '../consumer.ts'
import type { Account, InferenceRequest } from '../request.ts'
import { openSmallMarket, type SmallMarket } from '../testing/small-market.ts'
import type { Failover } from './failover.ts'

const MODEL = 'test/model'
const DIGEST = `sha256:${'12'.repeat(32)}`

/** What an engine does one after the other: says something, or breaks, or falls silent. */
type Act = object | 'die' | 'hang'
type Body = Readonly<Record<string, unknown>>

interface Actor extends Engine {
  acts: (body: Body) => readonly Act[]
  readonly asked: Body[]
}

const FINISH = { finish_reason: 'stop', delta: {} }
const say = (content: string): Act => ({ delta: { content } })

/** Each act is a token. */
function actor(): Actor {
  const engine: Actor = {
    name: 'actor',
    acts: () => [],
    asked: [],
    models: async () => [
      {
        id: MODEL,
        contextLength: 10_000,
        digest: DIGEST,
        quantization: null,
        capabilities: ['chat', 'continuation'],
      },
    ],
    health: async () => ({ ready: true, message: '', models: [] }),
    run: async function* ({ body }, signal): AsyncGenerator<EngineEvent[]> {
      const asked = JSON.parse(new TextDecoder().decode(body)) as Body
      engine.asked.push(asked)
      yield [{ type: 'start', inputTokens: 5 }]
      let outputTokens = 0
      for (const act of engine.acts(asked)) {
        if (act === 'die') throw new EngineError('HANSE_ENGINE_FAILED', 'it died')
        if (act === 'hang')
          await new Promise((_, reject) =>
            signal.addEventListener('abort', () => reject(signal.reason)),
          )
        outputTokens++
        const payload = {
          id: `of ${engine.asked.length}`,
          choices: [{ index: 0, ...(act as object) }],
        }
        yield [
          { type: 'delta', tokens: 1, payload: new TextEncoder().encode(JSON.stringify(payload)) },
        ]
        await new Promise((resolve) => setImmediate(resolve))
      }
      const usage = { inputTokens: 5, outputTokens, cachedInputTokens: 0 }
      yield [{ type: 'end', finishReason: 'stop', usage }]
    },
    [Symbol.asyncDispose]: async () => {},
  }
  return engine
}

const [one, two] = [actor(), actor()]
let market: SmallMarket
let failovers: Failover[] = []
let consumer: Consumer

beforeAll(async () => {
  market = await openSmallMarket([one, two])
})

afterAll(async () => {
  await market?.[Symbol.asyncDispose]()
})

beforeEach(async () => {
  failovers = []
  for (const engine of [one, two]) engine.asked.length = 0
  consumer = await consumerWith({ max: 3, stallMs: 200 })
})

afterEach(() => {
  consumer[Symbol.dispose]()
})

async function consumerWith(
  failover: { max: number; stallMs: number },
  network = market.options.network,
): Promise<Consumer> {
  return new Consumer({
    ...market.options,
    network,
    // Who failed in one test is as good as any in the next.
    directory: await market.freshDirectory(),
    settings: { ...market.options.settings, failover },
    onFailover: (event) => failovers.push(event),
  })
}

/** Of the first provider, if it can. */
function asking(more: Body = {}, policy: InferenceRequest['policy'] = {}): InferenceRequest {
  const messages = [{ role: 'user', content: 'Hello?' }]
  const body = { model: MODEL, messages, temperature: 0, ...more }
  return {
    kind: 'chat',
    model: MODEL,
    body: new TextEncoder().encode(JSON.stringify(body)),
    maxOutputTokens: 100,
    policy: { order: market.providers, hedge: false, ...policy },
  }
}

async function ask(request: InferenceRequest, account?: Account): Promise<Answer> {
  return await consumer.request(request, { signal: AbortSignal.timeout(20_000), account })
}

interface Said {
  readonly id: string
  readonly choices: readonly { delta: { content?: string }; finish_reason?: string }[]
  readonly usage?: unknown
}

async function read(answer: Answer): Promise<Said[]> {
  const chunks: Said[] = []
  for await (const payloads of answer.payloads)
    for (const payload of payloads)
      chunks.push(JSON.parse(new TextDecoder().decode(payload)) as Said)
  return chunks
}

const textOf = (chunks: readonly Said[]): string =>
  chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')

function lastMessageOf(body: Body | undefined): unknown {
  const messages = body?.messages
  return Array.isArray(messages) ? messages.at(-1) : undefined
}

/** The last receipts of all that the answer cost. */
async function assertPaid(answer: Answer, tokens: readonly number[]): Promise<void> {
  const { sessions, amount } = await answer.bill
  assert.deepEqual(
    sessions.map(({ last }) => Number(last?.outputTokens)),
    tokens,
  )
  const sum = sessions.reduce((total, { last }) => total + (last?.amount ?? 0n), 0n)
  assert.equal(amount, sum)
}

test('an answer goes on with what was said, and both are paid for their part', async () => {
  one.acts = () => [say(' One'), say(' two '), 'die']
  two.acts = () => [say(' three'), FINISH]
  const answer = await ask(asking())
  const chunks = await read(answer)
  assert.equal(textOf(chunks), ' One two three')
  assert.equal(new Set(chunks.map(({ id }) => id)).size, 1)
  assert.deepEqual(chunks.at(-1)?.usage, {
    prompt_tokens: 5,
    completion_tokens: 4,
    total_tokens: 9,
  })
  assert.deepEqual(lastMessageOf(two.asked[0]), {
    role: 'assistant',
    content: ' One two',
  })
  assert.deepEqual(
    answer.parts.map(({ provider }) => provider),
    market.providers,
  )
  const [failover] = failovers
  assert.equal(failover?.from.session, answer.session)
  assert.equal(failover?.to.provider, market.providers[1])
  assert.deepEqual(
    [failover?.reason, failover?.method, failover?.deliveredTokens],
    ['engine-failed', 'prefix', 2],
  )
  await assertPaid(answer, [2, 2])
})

test('whoever cannot be reached just then is asked again a moment later', async () => {
  const { network, directory } = market.options
  const second = market.providers[1]
  const known = await directory.find(MODEL, ['*'])
  const theirs = known.find(({ offer }) => offer.provider === second)?.addresses ?? []
  let refused = 0
  consumer[Symbol.dispose]()
  consumer = await consumerWith(
    { max: 3, stallMs: 10_000 },
    {
      openStream: async (to, protocols, options) => {
        const isTheirs = [to].flat().some((address) => theirs.includes(address))
        if (!isTheirs || protocols !== SESSION_PROTOCOL || refused > 0)
          return await network.openStream(to, protocols, options)
        refused++
        throw new Error('the line is down')
      },
    },
  )
  one.acts = () => [say('One'), 'die']
  two.acts = () => [say(' two'), FINISH]
  const answer = await ask(asking())
  assert.equal(textOf(await read(answer)), 'One two')
  assert.equal(refused, 1)
  await assertPaid(answer, [1, 2])
})

test('a provider that says nothing more is given up', async () => {
  one.acts = () => [say('One'), say(' two'), 'hang']
  two.acts = () => [say(' three'), FINISH]
  const answer = await ask(asking())
  assert.equal(textOf(await read(answer)), 'One two three')
  assert.equal(failovers[0]?.reason, 'stalled')
  await assertPaid(answer, [2, 2])
})

describe('an answer that cannot be taken up in the middle', () => {
  const format = { response_format: { type: 'json_object' } }

  test('is given again, and goes on where it was', async () => {
    one.acts = () => [say('{"a'), say('":'), 'die']
    two.acts = () => [say('{"a":'), say('1}'), FINISH]
    const answer = await ask(asking(format))
    const chunks = await read(answer)
    assert.equal(textOf(chunks), '{"a":1}')
    assert.deepEqual(chunks.at(-1)?.usage, {
      prompt_tokens: 5,
      completion_tokens: 3,
      total_tokens: 8,
    })
    assert.equal(failovers[0]?.method, 'replay')
    await assertPaid(answer, [2, 3])
  })

  test('ends with an error when it is another one the second time', async () => {
    one.acts = () => [say('{"a'), say('":'), 'die']
    two.acts = () => [say('{"b":1'), 'hang']
    const answer = await ask(asking(format))
    await assert.rejects(read(answer), { code: 'HANSE_SESSION_CUT' })
    // It was stopped, and what it said is paid for.
    await assertPaid(answer, [2, 1])
  })

  test('ends with an error when chance made it', async () => {
    one.acts = () => [say('{"a'), 'die']
    const answer = await ask(asking({ ...format, temperature: 1 }))
    await assert.rejects(read(answer), { code: 'HANSE_ENGINE_FAILED' })
    assert.equal(two.asked.length, 0)
  })
})

test('of what nobody has seen, another provider begins anew', async () => {
  one.acts = () => [{ delta: { role: 'assistant', content: '' } }, 'die']
  two.acts = () => [{ delta: { role: 'assistant', content: '' } }, say('{}'), FINISH]
  const answer = await ask(asking({ response_format: { type: 'json_object' }, temperature: 1 }))
  const chunks = await read(answer)
  assert.equal(textOf(chunks), '{}')
  assert.equal(chunks.filter(({ choices }) => 'role' in (choices[0]?.delta ?? {})).length, 1)
})

test.each<[string, () => Answer | Promise<Answer>]>([
  ['the request wants no other provider', () => ask(asking({}, { allowFallbacks: false }))],
  [
    'the request wants no other provider',
    () => ask(asking({}, { only: market.providers.slice(0, 1) })),
  ],
  [
    'the node does not want it',
    async () => {
      consumer[Symbol.dispose]()
      consumer = await consumerWith({ max: 0, stallMs: 200 })
      return await ask(asking())
    },
  ],
])('an answer that stops ends with the error when %s', async (_, begin) => {
  one.acts = () => [say('One'), 'die']
  const answer = await begin()
  await assert.rejects(read(answer), { code: 'HANSE_ENGINE_FAILED' })
  assert.equal(two.asked.length, 0)
  await assertPaid(answer, [1])
})

test('when the other one fails, too, the client is told', async () => {
  one.acts = () => [say('One'), 'die']
  two.acts = () => [say(' two'), 'die']
  const answer = await ask(asking())
  await assert.rejects(read(answer), { code: 'HANSE_ENGINE_FAILED' })
  await assertPaid(answer, [1, 1])
})

test('what was finished needs nobody to go on with it', async () => {
  one.acts = () => [say('One.'), FINISH, 'die']
  const answer = await ask(asking())
  const chunks = await read(answer)
  assert.equal(textOf(chunks), 'One.')
  assert.deepEqual(chunks.at(-1)?.usage, {
    prompt_tokens: 5,
    completion_tokens: 2,
    total_tokens: 7,
  })
  assert.equal(two.asked.length, 0)
})

test('an answer that has all the tokens it may have is finished', async () => {
  one.acts = () => [say('One'), say(' two'), 'die']
  const answer = await ask({ ...asking({ max_tokens: 2 }), maxOutputTokens: 2 })
  const chunks = await read(answer)
  assert.deepEqual(
    chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? []),
    ['length'],
  )
  assert.equal(two.asked.length, 0)
})

test('a cancelled answer does not go on, and its bill comes without a reader', async () => {
  one.acts = () => [say('One'), 'hang']
  const answer = await ask(asking())
  answer.cancel()
  await assertPaid(answer, [1])
  await assert.rejects(read(answer), { code: 'HANSE_SESSION_CANCELLED' })
  assert.equal(two.asked.length, 0)
})

test('each order takes what it may cost from the account, and gives back what it does not', async () => {
  one.acts = () => [say('One'), 'die']
  two.acts = () => [say(' two'), FINISH]
  let reserved = 0n
  const orders: PicoEuro[] = []
  const account: Account = {
    reserve: (most) => {
      orders.push(most)
      reserved += most
      return {
        begin: () => {},
        release: () => {
          reserved -= most
        },
      }
    },
  }
  const answer = await ask(asking(), account)
  assert.equal(textOf(await read(answer)), 'One two')
  await answer.bill
  assert.equal(orders.length, 2)
  assert.ok(orders.every((most) => most > picoEuro(0n)))
  assert.equal(reserved, 0n)
})
