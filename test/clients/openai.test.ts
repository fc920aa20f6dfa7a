import assert from 'node:assert/strict'
import OpenAI, {
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from 'openai'
import { afterAll, beforeAll, describe, test } from 'vitest'
import {
  type ClientMarket,
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

/** The client's own class for each status. */
const CLASSES: Readonly<Record<number, abstract new (...given: never[]) => APIError>> = {
  400: BadRequestError,
  401: AuthenticationError,
  402: APIError,
  403: PermissionDeniedError,
  404: NotFoundError,
  429: RateLimitError,
  502: InternalServerError,
}

let market: ClientMarket
let openai: OpenAI

beforeAll(async () => {
  market = await openClientMarket()
  openai = new OpenAI({ apiKey: 'any', baseURL: `${market.gateway.url}/v1`, maxRetries: 0 })
})
afterAll(async () => await market?.[Symbol.asyncDispose]())

const user = (content: string) => [{ role: 'user' as const, content }]
const ask = (content: string) => ({ model: market.wire, messages: user(content) })

describe('the openai client, with wire traffic of OpenAI’s own form', () => {
  test.each(CUTS)('reads a stream that comes as %s', async (cut) => {
    market.replay.cut = cut
    const stream = await openai.chat.completions.create({
      ...ask('chat'),
      stream: true,
      stream_options: { include_usage: true },
    })
    let text = ''
    const ids = new Set<string>()
    let usage: OpenAI.CompletionUsage | null | undefined
    let finish: string | null = null
    for await (const chunk of stream) {
      ids.add(chunk.id)
      text += chunk.choices[0]?.delta.content ?? ''
      finish = chunk.choices[0]?.finish_reason ?? finish
      usage = chunk.usage ?? usage
    }
    market.replay.cut = 'whole'
    assert.equal(text, GREETING)
    assert.equal(finish, 'stop')
    assert.equal(ids.size, 1)
    assert.deepEqual(
      [usage?.prompt_tokens, usage?.completion_tokens],
      [GREETING_TOKENS.input, GREETING_TOKENS.output],
    )
  })

  test('gets no usage that it did not ask for', async () => {
    const stream = await openai.chat.completions.create({ ...ask('chat'), stream: true })
    for await (const chunk of stream) assert.equal(chunk.choices.length, 1)
  })

  test('reads a document, and the stream helper reads its events', async () => {
    const whole = await openai.chat.completions.create(ask('chat'))
    assert.equal(whole.choices[0]?.message.content, GREETING)
    assert.equal(whole.usage?.total_tokens, 34)
    assert.match(whole._request_id ?? '', /./u)
    const helper = openai.chat.completions.stream(ask('chat'))
    assert.equal(await helper.finalContent(), GREETING)
  })

  test('gets calls of tools, in pieces and whole', async () => {
    const tools = [
      {
        type: 'function' as const,
        function: { name: 'get_weather', parameters: { type: 'object', properties: {} } },
      },
    ]
    const whole = await openai.chat.completions.create({ ...ask('tools'), tools })
    const calls = whole.choices[0]?.message.tool_calls ?? []
    assert.deepEqual(
      calls.map((call) =>
        call.type === 'function'
          ? {
              id: call.id,
              name: call.function.name,
              arguments: JSON.parse(call.function.arguments) as unknown,
            }
          : call,
      ),
      WEATHER,
    )
    assert.equal(whole.choices[0]?.finish_reason, 'tool_calls')
    assert.deepEqual(market.replay.asked.at(-1)?.tools, tools)
    const streamed = await openai.chat.completions.stream({ ...ask('tools'), tools }).finalMessage()
    assert.deepEqual(
      streamed.tool_calls?.map(({ id }) => id),
      WEATHER.map(({ id }) => id),
    )
  })

  test('gets structured output, and the schema reaches the engine', async () => {
    const response_format = {
      type: 'json_schema' as const,
      json_schema: { name: 'length', strict: true, schema: { type: 'object' } },
    }
    const whole = await openai.chat.completions.parse({ ...ask('structured'), response_format })
    assert.deepEqual(JSON.parse(whole.choices[0]?.message.content ?? ''), STRUCTURED)
    assert.deepEqual(market.replay.asked.at(-1)?.response_format, response_format)
  })

  test('gets log probabilities, refusals, reasoning, and every reason to end', async () => {
    const probable = await openai.chat.completions.create({ ...ask('logprobs'), logprobs: true })
    const [yes] = probable.choices[0]?.logprobs?.content ?? []
    assert.deepEqual([yes?.token, yes?.top_logprobs.length], ['Yes', 2])
    const refused = await openai.chat.completions.create(ask('refusal'))
    assert.equal(refused.choices[0]?.message.refusal, 'I’m sorry, no.')
    const thought = await openai.chat.completions.create(ask('reasoning'))
    const message = thought.choices[0]?.message as { reasoning_content?: string } | undefined
    assert.equal(message?.reasoning_content, THOUGHT)
    for (const [recording, reason] of [
      ['length', 'length'],
      ['filtered', 'content_filter'],
    ] as const) {
      const { choices } = await openai.chat.completions.create(ask(recording))
      assert.equal(choices[0]?.finish_reason, reason)
    }
  })

  test('gets text completions and embeddings', async () => {
    const text = await openai.completions.create({ model: market.wire, prompt: 'Once' })
    assert.equal(text.choices[0]?.text, ' there was a harbour')
    const { data } = await openai.embeddings.create({ model: market.embedding, input: ['a', 'b'] })
    // It asks for base64 by itself, and decodes it: as exact as float32 is.
    assert.deepEqual(
      data.map(({ embedding }) => embedding.map(Math.fround)),
      EMBEDDINGS.map((embedding) => embedding.map(Math.fround)),
    )
  })

  test('a stream that breaks, by an error or by silence, never looks whole', async () => {
    for (const recording of ['broken', 'cut']) {
      const stream = await openai.chat.completions.create({ ...ask(recording), stream: true })
      let text = ''
      await assert.rejects(async () => {
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
      }, APIError)
      assert.equal(text, HALF)
      await assert.rejects(openai.chat.completions.create(ask(recording)), InternalServerError)
    }
  })

  test('gets its own error classes', async () => {
    for (const { name, key, model, prompt, status, code } of await faultsOf(market)) {
      const client = openai.withOptions({ apiKey: key })
      for (const stream of [false, true])
        await assert.rejects(
          client.chat.completions.create({ model, messages: user(prompt), stream }),
          (error) => {
            assert.ok(error instanceof (CLASSES[status] ?? Error), `${name}: ${String(error)}`)
            assert.ok(error instanceof APIError)
            assert.deepEqual([error.status, error.code], [status, code], name)
            return error.requestID !== null && error.type !== undefined
          },
        )
    }
    await assert.rejects(
      openai.post('/chat/completions', { body: { model: market.wire } }),
      (error) => error instanceof BadRequestError && error.param === 'messages',
    )
  })

  test('an abort reaches the engine, in the middle of a stream and before the end of a document', async () => {
    const stop = new AbortController()
    const stream = await openai.chat.completions.create(
      { ...ask('forever'), stream: true },
      { signal: stop.signal },
    )
    for await (const _ of stream) stop.abort()
    await until(() => market.replay.running === 0)
    const never = new AbortController()
    const document = openai.chat.completions.create(ask('forever'), { signal: never.signal })
    await until(() => market.replay.running === 1)
    never.abort()
    await assert.rejects(document)
    await until(() => market.replay.running === 0)
  })

  test('reads a hundred streams at once', async () => {
    const texts = await Promise.all(
      Array.from({ length: STREAMS }, async () => {
        const stream = await openai.chat.completions.create({ ...ask('chat'), stream: true })
        let text = ''
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
        return text
      }),
    )
    assert.deepEqual(new Set(texts), new Set([GREETING]))
  })

  test('lists models, and finds one by its name', async () => {
    const ids: string[] = []
    for await (const { id } of openai.models.list()) ids.push(id)
    assert.deepEqual(ids.toSorted(), [market.tiny, market.wire, market.embedding].toSorted())
    assert.equal((await openai.models.retrieve(market.tiny)).id, market.tiny)
  })
})

describe('the openai client, with a model that really runs', () => {
  const small = { max_tokens: 12, temperature: 0 }
  const say = () => ({ model: market.tiny, messages: user('Hello'), ...small })

  test('gets the same text streamed and whole', async () => {
    const whole = await openai.chat.completions.create(say())
    const stream = await openai.chat.completions.create({ ...say(), stream: true })
    let text = ''
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
    assert.notEqual(text, '')
    assert.equal(text, whole.choices[0]?.message.content)
    assert.equal(whole.usage?.completion_tokens, 12)
  })

  test('gets a completion and several choices', async () => {
    const text = await openai.completions.create({
      model: market.tiny,
      prompt: 'One two',
      ...small,
    })
    assert.notEqual(text.choices[0]?.text, '')
    const { choices } = await openai.chat.completions.create({ ...say(), n: 2, temperature: 1 })
    assert.deepEqual(
      choices.map(({ index }) => index),
      [0, 1],
    )
  })

  test('gets structured output that fits its schema', async () => {
    const schema = {
      type: 'object',
      properties: { ok: { type: 'boolean' } },
      required: ['ok'],
      additionalProperties: false,
    }
    const whole = await openai.chat.completions.create({
      ...say(),
      max_tokens: 60,
      response_format: { type: 'json_schema', json_schema: { name: 'ok', schema } },
    })
    assert.equal(typeof JSON.parse(whole.choices[0]?.message.content ?? '').ok, 'boolean')
  })

  test('stops the engine, and pays for what came', async () => {
    const response_format = {
      type: 'json_schema' as const,
      json_schema: { name: 'long', schema: LONG_FORM },
    }
    await untilCancelled(market, async () => {
      const stop = new AbortController()
      const stream = await openai.chat.completions.create(
        { ...say(), max_tokens: 500, response_format, stream: true },
        { signal: stop.signal },
      )
      for await (const _ of stream) stop.abort()
    })
  })

  test('is told what is too long', async () => {
    await assert.rejects(
      openai.chat.completions.create({ ...say(), messages: user('word '.repeat(20_000)) }),
      BadRequestError,
    )
  })
})
