import assert from 'node:assert/strict'
import { createOpenAICompatible, type OpenAICompatibleProvider } from '@ai-sdk/openai-compatible'
import { APICallError, embedMany, generateText, jsonSchema, Output, streamText, tool } from 'ai'
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
let hanse: OpenAICompatibleProvider

beforeAll(async () => {
  globalThis.AI_SDK_LOG_WARNINGS = false
  market = await openClientMarket()
  hanse = providerWith('any')
})
afterAll(async () => await market?.[Symbol.asyncDispose]())

function providerWith(apiKey: string): OpenAICompatibleProvider {
  return createOpenAICompatible({
    name: 'hanse',
    baseURL: `${market.gateway.url}/v1`,
    apiKey,
    includeUsage: true,
    supportsStructuredOutputs: true,
  })
}

const ask = (prompt: string) => ({ model: hanse(market.wire), prompt, maxRetries: 0 })
const silent = { onError: () => {} }

const tools = {
  get_weather: tool({
    description: 'Of a city',
    inputSchema: jsonSchema<{ city: string }>({
      type: 'object',
      properties: { city: { type: 'string' } },
    }),
    execute: async () => ({ degrees: 9 }),
  }),
}
const answer = Output.object({
  schema: jsonSchema<{ answer: number; unit: string }>({
    type: 'object',
    properties: { answer: { type: 'integer' }, unit: { type: 'string' } },
    required: ['answer', 'unit'],
    additionalProperties: false,
  }),
})

const called = (calls: readonly { toolCallId: string; toolName: string; input: unknown }[]) =>
  calls.map(({ toolCallId: id, toolName: name, input }) => ({ id, name, arguments: input }))

describe('the AI SDK, with wire traffic of OpenAI’s own form', () => {
  test.each(CUTS)('reads a stream that comes as %s', async (cut) => {
    market.replay.cut = cut
    const result = streamText(ask('chat'))
    let text = ''
    for await (const part of result.textStream) text += part
    market.replay.cut = 'whole'
    assert.equal(text, GREETING)
    assert.equal(await result.finishReason, 'stop')
    const { inputTokens, outputTokens } = await result.usage
    assert.deepEqual([inputTokens, outputTokens], [GREETING_TOKENS.input, GREETING_TOKENS.output])
  })

  test('reads a document', async () => {
    const { text, usage, finishReason, response } = await generateText(ask('chat'))
    assert.deepEqual([text, finishReason, usage.totalTokens], [GREETING, 'stop', 34])
    assert.equal(response.headers?.['x-hanse-country'], 'DE')
  })

  test('gets calls of tools, in a stream and whole', async () => {
    const { toolCalls, finishReason } = await generateText({ ...ask('tools'), tools })
    assert.deepEqual(called(toolCalls), WEATHER)
    assert.equal(finishReason, 'tool-calls')
    assert.deepEqual(called(await streamText({ ...ask('tools'), tools }).toolCalls), WEATHER)
  })

  test('gets structured output, and the schema reaches the engine', async () => {
    const { output } = await generateText({ ...ask('structured'), output: answer })
    assert.deepEqual(output, STRUCTURED)
    const { response_format } = market.replay.asked.at(-1) ?? {}
    assert.equal((response_format as { type?: string } | undefined)?.type, 'json_schema')
    const streamed = streamText({ ...ask('structured'), output: answer })
    assert.deepEqual(await streamed.output, STRUCTURED)
  })

  test('gets what the model thought, and why it ended', async () => {
    assert.equal((await generateText(ask('reasoning'))).reasoningText, THOUGHT)
    assert.equal(await streamText(ask('reasoning')).reasoningText, THOUGHT)
    assert.equal((await generateText(ask('length'))).finishReason, 'length')
    assert.equal(await streamText(ask('filtered')).finishReason, 'content-filter')
  })

  test('gets embeddings', async () => {
    const model = hanse.embeddingModel(market.embedding)
    const { embeddings, usage } = await embedMany({ model, values: ['a', 'b'] })
    assert.deepEqual(embeddings, EMBEDDINGS)
    assert.equal(usage.tokens, 8)
  })

  test('a stream that breaks, by an error or by silence, never looks whole', async () => {
    for (const recording of ['broken', 'cut']) {
      const result = streamText({ ...ask(recording), ...silent })
      let text = ''
      let errors = 0
      for await (const part of result.fullStream) {
        if (part.type === 'text-delta') text += part.text
        if (part.type === 'error') errors++
      }
      assert.deepEqual([text, errors, await result.finishReason], [HALF, 1, 'error'])
      const error = await errorOf(generateText(ask(recording)))
      assert.ok(APICallError.isInstance(error) && error.statusCode === 502)
    }
  })

  test('gets each kind of fault as a status and a message', async () => {
    for (const { name, key, model, prompt, status } of await faultsOf(market)) {
      const asked = { model: providerWith(key)(model), prompt, maxRetries: 0 }
      let streamed: unknown
      const onError = ({ error }: { error: unknown }) => {
        streamed = error
      }
      await streamText({ ...asked, onError }).consumeStream()
      for (const error of [await errorOf(generateText(asked)), streamed]) {
        assert.ok(APICallError.isInstance(error), name)
        assert.equal(error.statusCode, status, name)
        // Words of ours, and not the bare text of the status.
        assert.match(error.message, /\. /u)
      }
    }
  })

  test('an abort reaches the engine, in the middle of a stream and before the end of a document', async () => {
    const stop = new AbortController()
    const result = streamText({ ...ask('forever'), ...silent, abortSignal: stop.signal })
    for await (const part of result.fullStream) if (part.type === 'text-delta') stop.abort()
    await until(() => market.replay.running === 0)
    const never = new AbortController()
    const document = errorOf(generateText({ ...ask('forever'), abortSignal: never.signal }))
    await until(() => market.replay.running === 1)
    never.abort()
    assert.equal((await document).name, 'AbortError')
    await until(() => market.replay.running === 0)
  })

  test('reads a hundred streams at once', async () => {
    const texts = await Promise.all(
      Array.from({ length: STREAMS }, async () => await streamText(ask('chat')).text),
    )
    assert.deepEqual(new Set(texts), new Set([GREETING]))
  })
})

describe('the AI SDK, with a model that really runs', () => {
  const say = () => ({
    model: hanse(market.tiny),
    prompt: 'Hello',
    temperature: 0,
    maxOutputTokens: 12,
    maxRetries: 0,
  })

  test('gets the same text streamed and whole', async () => {
    const { text, usage } = await generateText(say())
    assert.equal(usage.outputTokens, 12)
    assert.notEqual(text, '')
    assert.equal(await streamText(say()).text, text)
  })

  test('gets structured output that fits its schema', async () => {
    const ok = Output.object({
      schema: jsonSchema<{ ok: boolean }>({
        type: 'object',
        properties: { ok: { type: 'boolean' } },
        required: ['ok'],
        additionalProperties: false,
      }),
    })
    const { output } = await generateText({ ...say(), maxOutputTokens: 60, output: ok })
    assert.equal(typeof output.ok, 'boolean')
  })

  test('gets a completion and an embedding', async () => {
    const model = hanse.completionModel(market.tiny)
    assert.notEqual((await generateText({ ...say(), model })).text, '')
    const { embeddings } = await embedMany({
      model: hanse.embeddingModel(market.tiny),
      values: ['Hello'],
    })
    assert.ok((embeddings[0]?.length ?? 0) > 1)
  })

  test('stops the engine, and pays for what came', async () => {
    const output = Output.object({ schema: jsonSchema<readonly number[]>(LONG_FORM) })
    await untilCancelled(market, async () => {
      const stop = new AbortController()
      const asked = { ...say(), maxOutputTokens: 500, output, abortSignal: stop.signal }
      for await (const part of streamText({ ...asked, ...silent }).fullStream)
        if (part.type === 'text-delta') stop.abort()
    })
  })
})
