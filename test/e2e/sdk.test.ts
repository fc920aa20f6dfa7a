import assert from 'node:assert/strict'
import { createHanse } from '@hanse/node/ai-sdk'
import { type ConsumerOptions, createConsumer, type HanseConsumer } from '@hanse/node/consumer'
import { embed, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai'
import OpenAI, { APIError, APIUserAbortError } from 'openai'
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { EngineDouble } from '../support/engine-double.ts'
import { MODEL, NatLab } from '../support/nat-lab.ts'
import { CHAT, DIMENSIONS, EMBEDDING, startToolEngine } from '../support/tool-engine.ts'
import { startVllmDouble } from '../support/vllm-double.ts'

const TOOLS = 'test/tools'
const EMBED = 'test/embed'
const HELLO = [{ role: 'user' as const, content: 'Say something.' }]

const stack = new AsyncDisposableStack()
let engine: EngineDouble
let hanse: HanseConsumer
/** Buys tools and embeddings. */
let other: HanseConsumer
let client: OpenAI

beforeAll(async () => {
  engine = stack.use(await startVllmDouble({ model: 'slow-model', tokens: 4_000 }))
  hanse = stack.use(await createConsumer(await openMarket(`${engine.url}/v1`)))
  const tools = stack.use(await startToolEngine())
  const models = `${TOOLS}=${CHAT},${EMBED}=${EMBEDDING}`
  other = stack.use(await createConsumer(await openMarket(tools.url, ['--models', models])))
  client = clientOf(hanse)
})

afterAll(async () => await stack.disposeAsync())

describe('the official openai client, without a gateway,', () => {
  test('gets a whole answer, and a stream with usage', async () => {
    const asked = { model: MODEL, messages: HELLO, max_tokens: 5 }
    const { data, response } = await client.chat.completions.create(asked).withResponse()
    assert.equal(data.choices[0]?.message.content, ' t0 t1 t2 t3 t4')
    assert.ok(response.headers.get('x-request-id'))
    const session = response.headers.get('x-hanse-session') ?? ''
    assert.ok(hanse.verify(hanse.bundle(session)).verified)

    const stream = await client.chat.completions.create({
      ...asked,
      stream: true,
      stream_options: { include_usage: true },
    })
    let text = ''
    let tokens = 0
    for await (const { choices, usage } of stream) {
      text += choices[0]?.delta.content ?? ''
      tokens = usage?.completion_tokens ?? tokens
    }
    assert.equal(text, ' t0 t1 t2 t3 t4')
    assert.equal(tokens, 5)
  })

  test('reads errors as its own, with our codes', async () => {
    const unknown = { model: 'no/such-model', messages: HELLO }
    const error = await client.chat.completions.create(unknown).catch((e: unknown) => e)
    assert.ok(error instanceof APIError)
    assert.equal(error.status, 404)
    assert.equal(error.code, 'HANSE_MODEL_UNKNOWN')
    assert.ok(error.requestID)
    await assert.rejects(client.models.retrieve('no/such-model'), { status: 404 })
    await assert.rejects(client.files.list(), { status: 404, code: 'HANSE_NOT_FOUND' })
  })

  test('stops the engine when it aborts, streamed and not', async () => {
    engine.control.tokensPerSecond = 50
    try {
      for (const streamed of [true, false]) {
        const { aborted, running } = engine.counts
        const gone = new AbortController()
        const asked = { model: MODEL, messages: HELLO, max_tokens: 5_000 }
        const request = client.chat.completions.create(
          { ...asked, stream: streamed },
          { signal: gone.signal },
        )
        request.catch(() => {})
        if (streamed) {
          const stream = (await request) as AsyncIterable<unknown>
          for await (const _ of stream) gone.abort()
        } else {
          await until(() => engine.counts.running > running)
          gone.abort()
          await assert.rejects(request, APIUserAbortError)
        }
        await until(() => engine.counts.aborted > aborted)
      }
    } finally {
      engine.control.tokensPerSecond = undefined
    }
  })

  test('loses nothing when it reads slowly', async () => {
    const tokens = 4_000
    const stream = await client.chat.completions.create({
      model: MODEL,
      messages: HELLO,
      max_tokens: tokens,
      stream: true,
    })
    let text = ''
    for await (const { choices } of stream) {
      text += choices[0]?.delta.content ?? ''
      if (text.length % 1_000 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    assert.equal(text, Array.from({ length: tokens }, (_, n) => ` t${n}`).join(''))
  })

  test('lists models, and gets text completions', async () => {
    const ids = (await client.models.list()).data.map(({ id }) => id)
    assert.deepEqual(ids, [MODEL])
    assert.equal((await client.models.retrieve(MODEL)).id, MODEL)
    const { choices } = await client.completions.create({
      model: MODEL,
      prompt: 'Once',
      max_tokens: 2,
    })
    assert.equal(choices[0]?.text, ' t0 t1')
  })

  test('gets embeddings', async () => {
    const { data } = await clientOf(other).embeddings.create({ model: EMBED, input: ['a', 'bcd'] })
    assert.deepEqual(
      data.map(({ embedding }) => embedding),
      [1, 3].map((length) => Array.from({ length: DIMENSIONS }, () => length)),
    )
  })
})

test('the SDK takes requests as the openai package types them', async () => {
  const body: OpenAI.ChatCompletionCreateParams = { model: MODEL, messages: HELLO, max_tokens: 2 }
  const tools: OpenAI.ChatCompletionTool[] = []
  assert.equal(await (await hanse.chat(body)).text(), ' t0 t1')
  assert.equal(await (await hanse.chat({ ...body, tools, top_k: 1 })).text(), ' t0 t1')
  // @ts-expect-error Neither a model nor any messages.
  await assert.rejects(hanse.chat({}), { code: 'HANSE_REQUEST_INVALID' })
})

describe('the Vercel AI SDK', () => {
  test('generates and streams text', async () => {
    const model = createHanse(hanse)(MODEL)
    const { text, usage } = await generateText({ model, prompt: 'Hi', maxOutputTokens: 3 })
    assert.equal(text.trim(), 't0 t1 t2')
    assert.equal(usage.outputTokens, 3)
    const stream = streamText({ model, prompt: 'Hi', maxOutputTokens: 3 })
    let streamed = ''
    for await (const piece of stream.textStream) streamed += piece
    assert.equal(streamed.trim(), 't0 t1 t2')
    assert.equal((await stream.usage).outputTokens, 3)
  })

  test('embeds', async () => {
    const model = createHanse(other).embeddingModel(EMBED)
    const { embedding } = await embed({ model, value: 'one' })
    assert.equal(embedding.length, DIMENSIONS)
  })

  test('reports errors with our codes', async () => {
    const model = createHanse(hanse)('no/such-model')
    await assert.rejects(generateText({ model, prompt: 'Hi', maxRetries: 0 }), (error: Error) => {
      assert.match(JSON.stringify(error), /HANSE_MODEL_UNKNOWN/u)
      return true
    })
  })

  test('calls tools, and goes on with what they say', async () => {
    const before = other.sessions().length
    const { text, steps } = await generateText({
      model: createHanse(other)(TOOLS),
      prompt: 'How is the weather?',
      stopWhen: stepCountIs(2),
      tools: {
        weather: tool({
          description: 'The weather in a city',
          inputSchema: jsonSchema<{ city: string }>({
            type: 'object',
            properties: { city: { type: 'string' } },
            required: ['city'],
          }),
          execute: async ({ city }) => `sunny in ${city}`,
        }),
      },
    })
    assert.equal(steps[0]?.toolCalls[0]?.toolName, 'weather')
    assert.match(text, /sunny in Paris/u)
    assert.equal(other.sessions().length, before + 2)
  })
})

/** A relay, and a provider that runs on an engine. @returns what a consumer needs to buy there */
async function openMarket(
  engineUrl: string,
  args: readonly string[] = [],
): Promise<ConsumerOptions> {
  const lab = stack.use(new NatLab())
  const { addresses } = await lab.relay(['/ip4/127.0.0.1/tcp/0'])
  const prices = ['--input-price', '1', '--output-price', '2']
  await lab.provider(addresses[0] ?? '', engineUrl, [...prices, ...args])
  return { bootstrap: addresses, network: 'lab', minLevel: 0 }
}

function clientOf({ fetch }: HanseConsumer): OpenAI {
  return new OpenAI({ apiKey: 'unused', baseURL: 'http://hanse.invalid/v1', fetch, maxRetries: 0 })
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10))
}
