import assert from 'node:assert/strict'
import { afterAll, beforeAll, beforeEach, describe, test } from 'vitest'
import { openGateway, type TestGateway } from './testing/open-gateway.ts'
import { readStream } from './testing/read-stream.ts'
import {
  delta,
  INPUT_TOKENS,
  MODEL,
  piece,
  ScriptedEngine,
  saying,
  usage,
} from './testing/scripted-engine.ts'

const engine = new ScriptedEngine()
let gateway: TestGateway

beforeAll(async () => {
  gateway = await openGateway([engine])
})
afterAll(async () => await gateway?.[Symbol.asyncDispose]())
beforeEach(() => {
  engine.bodies.length = 0
})

const chat = (content: unknown, more: object = {}) => ({
  model: MODEL,
  messages: [{ role: 'user', content }],
  ...more,
})

interface Answered {
  readonly choices: readonly {
    readonly index: number
    readonly message: Record<string, unknown>
    readonly text?: string
    readonly logprobs: unknown
    readonly finish_reason: string
  }[]
  readonly usage: Record<string, unknown>
  readonly hanse: {
    readonly cost_pico_euro: string
    readonly parts: readonly Record<string, unknown>[]
  }
}

async function ask(body: object, path = '/v1/chat/completions'): Promise<Answered> {
  const response = await gateway.post(path, body)
  const answer = (await response.json()) as Answered
  assert.equal(response.status, 200, JSON.stringify(answer))
  return answer
}

/** 5 tokens in at 1 pico-euro, and these out at 2. */
const cost = (outputTokens: number): number => INPUT_TOKENS + 2 * outputTokens

describe('a chat', () => {
  test('is one document, with what it cost to the pico-euro, and who was paid', async () => {
    const response = await gateway.post('/v1/chat/completions', chat('hi'))
    const { choices, usage: used, hanse, ...head } = (await response.json()) as Answered
    assert.deepEqual(head, {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: MODEL,
    })
    assert.deepEqual(choices[0]?.message, { role: 'assistant', content: 'Hello', refusal: null })
    const counts = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 }
    assert.deepEqual(used, { ...counts, cost: 9e-12, cost_currency: 'EUR' })
    const [provider] = gateway.market.providers
    assert.equal(hanse.cost_pico_euro, '9')
    assert.equal(hanse.parts[0]?.provider, provider)
    const { headers } = response
    assert.equal(headers.get('x-hanse-provider'), provider)
    assert.equal(headers.get('x-hanse-country'), 'DE')
    assert.equal(headers.get('x-hanse-price'), '0.000001 EUR/Mtok input, 0.000002 EUR/Mtok output')
    assert.equal(headers.get('x-hanse-cost'), '0.000000000009 EUR')
    assert.match(headers.get('openai-processing-ms') ?? '', /^\d+$/u)
    const session = await fetch(gateway.url + headers.get('x-hanse-receipt'))
    const { receipts } = (await session.json()) as { receipts: { amount: string; final: string }[] }
    assert.deepEqual([receipts.at(-1)?.amount, receipts.at(-1)?.final], ['9', 'completed'])
    const bundle = await fetch(gateway.url + headers.get('x-hanse-bundle'))
    assert.equal(bundle.status, 200)
  })

  test('is a stream of the engine’s own chunks: role, text, finish, end', async () => {
    const response = await gateway.post('/v1/chat/completions', chat('hi', { stream: true }))
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
    assert.equal(response.headers.get('x-hanse-country'), 'DE')
    const { events, done } = await readStream(response)
    assert.deepEqual(events, [...saying('Hel', 'lo')].slice(0, -1))
    assert.ok(done)
  })

  test('that asks for usage gets it last, with the exact cost', async () => {
    const options = { stream: true, stream_options: { include_usage: true } }
    const { events, done } = await readStream(
      await gateway.post('/v1/chat/completions', chat('hi', options)),
    )
    const last = events.at(-1) as unknown as Answered
    assert.deepEqual([last.choices, last.hanse.cost_pico_euro, done], [[], '9', true])
    assert.equal(last.usage.cost, 9e-12)
    assert.equal((events.at(-1) as { id?: string }).id, 'chatcmpl-1')
  })

  test('has usage by its receipts where the engine tells none', async () => {
    engine.on('silent', () => [...saying('a', 'b', 'c')].slice(0, -1))
    const { usage: used } = await ask(chat('silent'))
    const counts = { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 }
    assert.deepEqual(used, { ...counts, cost: cost(3) / 1e12, cost_currency: 'EUR' })
  })

  test('calls tools, in pieces or as a whole', async () => {
    const call = (index: number, fields: object) => delta({ tool_calls: [{ index, ...fields }] })
    engine.on('weather?', () => [
      delta({ role: 'assistant', content: null }),
      call(0, { id: 'a', type: 'function', function: { name: 'weather', arguments: '' } }),
      call(0, { function: { arguments: '{"city":' } }),
      call(0, { function: { arguments: '"Bonn"}' } }),
      call(1, { id: 'b', type: 'function', function: { name: 'time', arguments: '{}' } }),
      delta({}, 'tool_calls'),
      usage(4),
    ])
    const tools = [
      { type: 'function', function: { name: 'weather', parameters: { type: 'object' } } },
    ]
    const { choices } = await ask(chat('weather?', { tools, tool_choice: 'auto' }))
    assert.deepEqual(choices[0]?.message.tool_calls, [
      { id: 'a', type: 'function', function: { name: 'weather', arguments: '{"city":"Bonn"}' } },
      { id: 'b', type: 'function', function: { name: 'time', arguments: '{}' } },
    ])
    assert.deepEqual([choices[0].message.content, choices[0].finish_reason], [null, 'tool_calls'])
    assert.deepEqual(engine.bodies[0]?.tools, tools)
  })

  test('keeps reasoning under the name that the engine has for it, and log probabilities', async () => {
    const marks = [{ token: 'b', logprob: -0.1, bytes: [98], top_logprobs: [] }]
    engine.on('think', () => [
      delta({ role: 'assistant', reasoning: 'I ' }),
      delta({ reasoning: 'think' }),
      delta({ content: 'b' }, null, { logprobs: { content: marks, refusal: null } }),
      delta({}, 'stop'),
      usage(3),
    ])
    const { choices } = await ask(chat('think', { logprobs: true }))
    assert.equal(choices[0]?.message.reasoning, 'I think')
    assert.deepEqual(choices[0].logprobs, { content: marks, refusal: [] })
  })

  test('passes on every field that it does not know, and the picture in the prompt', async () => {
    const picture = { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } }
    const response_format = { type: 'json_schema', json_schema: { name: 'x', schema: {} } }
    const more = { response_format, top_k: 3, reasoning_effort: 'low', of_tomorrow: { a: [1] } }
    await ask(chat([{ type: 'text', text: 'what?' }, picture], more))
    assert.deepEqual(engine.bodies[0], chat([{ type: 'text', text: 'what?' }, picture], more))
  })

  test('with several choices has each from a session of its own, also where they must wait', async () => {
    let count = 0
    engine.on('dice', () => saying(String(count++), '!'))
    // The provider has four slots.
    const { choices, usage: used, hanse } = await ask(chat('dice', { n: 6 }))
    assert.deepEqual(
      choices.map(({ index }) => index),
      [0, 1, 2, 3, 4, 5],
    )
    const texts = choices.map(({ message }) => message.content)
    assert.deepEqual(new Set(texts), new Set(['0!', '1!', '2!', '3!', '4!', '5!']))
    assert.equal(hanse.parts.length, 6)
    assert.equal(hanse.cost_pico_euro, String(6 * cost(2)))
    assert.equal(used.completion_tokens, 12)
    assert.ok(engine.bodies.every((body) => !('n' in body)))
  })

  test('with several choices is one stream', async () => {
    const body = chat('hi', { n: 2, stream: true, stream_options: { include_usage: true } })
    const { events, done } = await readStream(await gateway.post('/v1/chat/completions', body))
    const choices = events.flatMap((event) => (event as unknown as Answered).choices)
    for (const index of [0, 1]) {
      const mine = choices.filter((choice) => choice.index === index)
      assert.equal(mine.at(-1)?.finish_reason, 'stop')
      assert.equal(mine.length, 4)
    }
    const last = events.at(-1) as unknown as Answered
    assert.deepEqual([done, last.usage.completion_tokens], [true, 4])
  })
})

describe('a text completion', () => {
  test('is a document, or a stream', async () => {
    const { choices, hanse } = await ask({ model: MODEL, prompt: 'x' }, '/v1/completions')
    assert.equal(choices[0]?.text, 'Hello')
    assert.equal(hanse.cost_pico_euro, String(cost(2)))
    const { text, finish, done } = await readStream(
      await gateway.post('/v1/completions', { model: MODEL, prompt: 'x', stream: true }),
    )
    assert.deepEqual([text, finish, done], ['Hello', 'stop', true])
  })

  test('of several prompts has a choice for each', async () => {
    engine.on('one', () => [piece('1', 'stop')])
    engine.on('two', () => [piece('2', 'stop')])
    const { choices } = await ask({ model: MODEL, prompt: ['one', 'two'] }, '/v1/completions')
    assert.deepEqual(
      choices.map(({ index, text }) => [index, text]),
      [
        [0, '1'],
        [1, '2'],
      ],
    )
  })
})

describe('embeddings', () => {
  interface Embedded {
    readonly data: readonly { readonly index: number; readonly embedding: unknown }[]
    readonly usage: Record<string, unknown>
  }
  const item = (index: number, embedding: unknown) => ({ object: 'embedding', index, embedding })
  const embed = async (more: object) => {
    const response = await gateway.post('/v1/embeddings', { model: MODEL, input: 'x', ...more })
    return { status: response.status, body: (await response.json()) as Embedded }
  }

  test('come as one list, in the encoding that was asked for, and cost their input', async () => {
    engine.on('x', () => [
      { object: 'list', model: MODEL, data: [item(0, [1, -2])] },
      { object: 'list', data: [item(1, [0.5, 0])], usage: { prompt_tokens: 5, total_tokens: 5 } },
    ])
    const { body } = await embed({})
    assert.deepEqual(body.data, [item(0, [1, -2]), item(1, [0.5, 0])])
    assert.equal(body.usage.cost, 5e-12)
    const { body: coded } = await embed({ encoding_format: 'base64' })
    assert.equal(coded.data[0]?.embedding, 'AACAPwAAAMA=')
    assert.equal(engine.bodies[1]?.encoding_format, 'base64')
  })

  test('of dimensions that the model cannot have are refused', async () => {
    const { status, body } = await embed({ dimensions: 3 })
    const { error } = body as unknown as { error: { code: string } }
    assert.deepEqual([status, error.code], [400, 'HANSE_ENGINE_REFUSED'])
  })
})

describe('what an answer cost', () => {
  test('can be asked again by the request or its session', async () => {
    const response = await gateway.post('/v1/chat/completions', chat('hi'), {
      'x-request-id': 'mine-1',
      'x-hanse-tags': 'blue',
    })
    await response.arrayBuffer()
    for (const id of ['mine-1', response.headers.get('x-hanse-session')]) {
      const found = await fetch(`${gateway.url}/hanse/v1/generation?id=${id}`)
      const { data } = (await found.json()) as { data: Record<string, unknown> }
      assert.deepEqual(
        [data.id, data.cost_pico_euro, data.tokens_completion, data.tags],
        ['mine-1', '9', 2, ['blue']],
      )
    }
    assert.equal((await fetch(`${gateway.url}/hanse/v1/generation?id=x`)).status, 404)
  })

  test('is listed with other sessions, the newest first, and as many as were asked for', async () => {
    await ask(chat('hi', { n: 2 }))
    const list = async (query: string) => await fetch(`${gateway.url}/hanse/v1/sessions${query}`)
    const { sessions: all } = (await (await list('')).json()) as { sessions: object[] }
    const { sessions: one } = (await (await list('?limit=1')).json()) as { sessions: object[] }
    assert.ok(all.length > 1)
    assert.deepEqual(one, all.slice(0, 1))
    for (const limit of ['0', '-1', '1.5', 'x', '1&limit=2'])
      assert.equal((await list(`?limit=${limit}`)).status, 400, limit)
  })
})

describe('models', () => {
  test('are listed with what the market has of them', async () => {
    const { data } = (await (await fetch(`${gateway.url}/v1/models`)).json()) as {
      data: Record<string, unknown>[]
    }
    assert.equal(data.length, 1)
    const [model] = data
    assert.equal(model?.id, MODEL)
    assert.equal(model.context_length, 100_000)
    assert.deepEqual(model.pricing, {
      prompt: '0.000000000001',
      completion: '0.000000000002',
      currency: 'EUR',
    })
    const { countries, quantizations, offers } = model.hanse as Record<string, unknown>
    assert.deepEqual([countries, quantizations, offers], [['DE'], ['Q8_0'], 1])
    assert.deepEqual(await (await fetch(`${gateway.url}/v1/models/${MODEL}`)).json(), model)
  })

  test('are told apart by what they heed', async () => {
    const list = async (query: string) =>
      ((await (await fetch(`${gateway.url}/v1/models?${query}`)).json()) as { data: unknown[] })
        .data
    assert.equal((await list('supported_parameters=tools,logprobs&sort=price')).length, 1)
    assert.equal((await list('supported_parameters=reasoning')).length, 0)
  })

  test('that nobody offers are not there', async () => {
    const response = await fetch(`${gateway.url}/v1/models/no/such`)
    const { error } = (await response.json()) as { error: { code: string } }
    assert.deepEqual([response.status, error.code], [404, 'HANSE_MODEL_UNKNOWN'])
  })
})
