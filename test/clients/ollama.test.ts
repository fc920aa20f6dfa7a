import assert from 'node:assert/strict'
import { Ollama } from 'ollama'
import { afterAll, beforeAll, describe, test } from 'vitest'
import {
  type ClientMarket,
  errorOf,
  faultsOf,
  LONG_FORM,
  openClientMarket,
  until,
  untilCancelled,
} from './market.ts'
import {
  EMBEDDINGS,
  GREETING,
  GREETING_TOKENS,
  HALF,
  STREAMS,
  STRUCTURED,
  THOUGHT,
  WEATHER,
} from './recorded.ts'
import { CUTS } from './wire-replay.ts'

let market: ClientMarket
let ollama: Ollama

beforeAll(async () => {
  market = await openClientMarket()
  ollama = new Ollama({ host: market.gateway.url })
})
afterAll(async () => await market?.[Symbol.asyncDispose]())

const user = (content: string) => [{ role: 'user', content }]
const ask = (content: string) => ({ model: market.wire, messages: user(content) })

async function streamed(prompt: string, client = ollama): Promise<string> {
  let text = ''
  for await (const { message } of await client.chat({ ...ask(prompt), stream: true }))
    text += message.content
  return text
}

describe('the ollama client, with wire traffic of OpenAI’s own form', () => {
  test.each(CUTS)('reads a stream that comes as %s', async (cut) => {
    market.replay.cut = cut
    let text = ''
    let counted: number[] = []
    for await (const line of await ollama.chat({ ...ask('chat'), stream: true })) {
      text += line.message.content
      counted = [line.prompt_eval_count, line.eval_count]
    }
    market.replay.cut = 'whole'
    assert.equal(text, GREETING)
    assert.deepEqual(counted, [GREETING_TOKENS.input, GREETING_TOKENS.output])
  })

  test('reads a document', async () => {
    const { message, done, done_reason } = await ollama.chat(ask('chat'))
    assert.deepEqual([message.content, done, done_reason], [GREETING, true, 'stop'])
    const { done_reason: cut } = await ollama.chat(ask('length'))
    assert.equal(cut, 'length')
  })

  test('generates, from a chat and raw', async () => {
    const { response } = await ollama.generate({ model: market.wire, prompt: 'chat' })
    assert.equal(response, GREETING)
    const raw = await ollama.generate({ model: market.wire, prompt: 'Once', raw: true })
    assert.equal(raw.response, ' there was a harbour')
  })

  test('gets calls of tools, in a stream and whole', async () => {
    const parameters = { type: 'object', properties: { city: { type: 'string' } } }
    const tools = [
      { type: 'function', function: { name: 'get_weather', description: 'Of a city', parameters } },
    ]
    const called: unknown[] = []
    for await (const { message } of await ollama.chat({ ...ask('tools'), tools, stream: true }))
      called.push(...(message.tool_calls ?? []))
    const { message } = await ollama.chat({ ...ask('tools'), tools })
    const expected = WEATHER.map(({ id, ...call }) => ({ id, function: call }))
    assert.deepEqual(called, expected)
    assert.deepEqual(message.tool_calls, expected)
    assert.deepEqual(market.replay.asked.at(-1)?.tools, tools)
  })

  test('gets structured output, and the schema reaches the engine', async () => {
    const format = { type: 'object', properties: { answer: { type: 'integer' } } }
    const { message } = await ollama.chat({ ...ask('structured'), format })
    assert.deepEqual(JSON.parse(message.content), STRUCTURED)
    const { response_format } = market.replay.asked.at(-1) ?? {}
    assert.deepEqual(response_format, {
      type: 'json_schema',
      json_schema: { name: 'answer', schema: format },
    })
  })

  test('gets what the model thought', async () => {
    const { message } = await ollama.chat({ ...ask('reasoning'), think: true })
    assert.equal(message.thinking, THOUGHT)
  })

  test('gets embeddings', async () => {
    const { embeddings } = await ollama.embed({ model: market.embedding, input: ['a', 'b'] })
    assert.deepEqual(embeddings, EMBEDDINGS)
    const { embedding } = await ollama.embeddings({ model: market.embedding, prompt: 'a' })
    assert.deepEqual(embedding, EMBEDDINGS[0])
  })

  test('a stream that breaks, by an error or by silence, never looks whole', async () => {
    for (const recording of ['broken', 'cut']) {
      let text = ''
      await assert.rejects(async () => {
        const stream = await ollama.chat({ ...ask(recording), stream: true })
        for await (const { message } of stream) text += message.content
      }, /engine/u)
      assert.equal(text, HALF)
      await assert.rejects(ollama.chat(ask(recording)), { status_code: 502 })
    }
  })

  test('gets each kind of fault as a status and a text', async () => {
    for (const { name, key, model, prompt, status } of await faultsOf(market)) {
      const client = new Ollama({
        host: market.gateway.url,
        headers: { authorization: `Bearer ${key}` },
      })
      for (const stream of [false, true]) {
        const asked = { model, messages: user(prompt) }
        const error = await errorOf(
          stream ? client.chat({ ...asked, stream: true }) : client.chat(asked),
        )
        assert.equal(Reflect.get(error, 'status_code'), status, name)
        assert.match(error.message, /^[^[{]/u)
      }
    }
  })

  test('an abort reaches the engine', async () => {
    const stream = await ollama.chat({ ...ask('forever'), stream: true })
    await assert.rejects(async () => {
      for await (const _ of stream) stream.abort()
    }, /abort/iu)
    await until(() => market.replay.running === 0)
  })

  test('reads a hundred streams at once', async () => {
    const texts = await Promise.all(
      Array.from({ length: STREAMS }, async () => await streamed('chat')),
    )
    assert.deepEqual(new Set(texts), new Set([GREETING]))
  })

  test('lists models, shows one, and has not to pull it', async () => {
    const { models } = await ollama.list()
    assert.deepEqual(
      models.map(({ name }) => name).toSorted(),
      [market.tiny, market.wire, market.embedding].toSorted(),
    )
    const shown = await ollama.show({ model: market.tiny })
    assert.ok(shown.capabilities.includes('completion'))
    assert.equal((await ollama.pull({ model: market.tiny })).status, 'success')
    assert.deepEqual((await ollama.ps()).models, [])
    assert.match((await ollama.version()).version, /^\d/u)
    await assert.rejects(ollama.show({ model: 'no/such' }), { status_code: 404 })
    await assert.rejects(ollama.delete({ model: market.tiny }), { status_code: 403 })
  })
})

describe('the ollama client, with a model that really runs', () => {
  const say = () => ({
    model: market.tiny,
    messages: user('Hello'),
    options: { temperature: 0, num_predict: 12 },
  })

  test('gets the same text streamed and whole', async () => {
    const whole = await ollama.chat(say())
    let text = ''
    for await (const { message } of await ollama.chat({ ...say(), stream: true }))
      text += message.content
    assert.equal(whole.eval_count, 12)
    assert.notEqual(text, '')
    assert.equal(text, whole.message.content)
  })

  test('reads a hundred streams at once', async () => {
    const texts = await Promise.all(
      Array.from({ length: STREAMS }, async () => {
        let text = ''
        for await (const { message } of await ollama.chat({ ...say(), stream: true }))
          text += message.content
        return text
      }),
    )
    assert.equal(new Set(texts).size, 1)
    assert.notEqual(texts[0], '')
  })

  test('gets structured output that fits its schema', async () => {
    const format = {
      type: 'object',
      properties: { ok: { type: 'boolean' } },
      required: ['ok'],
      additionalProperties: false,
    }
    const options = { temperature: 0, num_predict: 60 }
    const { message } = await ollama.chat({ ...say(), options, format })
    assert.equal(typeof (JSON.parse(message.content) as { ok: unknown }).ok, 'boolean')
  })

  test('gets an embedding, and a raw completion', async () => {
    const { embeddings } = await ollama.embed({ model: market.tiny, input: 'Hello' })
    assert.ok((embeddings[0]?.length ?? 0) > 1)
    const { response } = await ollama.generate({
      model: market.tiny,
      prompt: 'One two',
      raw: true,
      options: { num_predict: 8 },
    })
    assert.notEqual(response, '')
  })

  test('stops the engine, and pays for what came', async () => {
    await untilCancelled(market, async () => {
      const options = { num_predict: 500 }
      const stream = await ollama.chat({ ...say(), options, format: LONG_FORM, stream: true })
      await assert.rejects(async () => {
        for await (const _ of stream) stream.abort()
      })
    })
  })
})
