import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createParser } from 'eventsource-parser'
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
  WEATHER,
} from './recorded.ts'
import { CURL_VERSION, curl, startCurl } from './run-curl.ts'
import { CUTS } from './wire-replay.ts'

interface Chunk {
  readonly choices: readonly {
    readonly delta: { readonly content?: string | null; readonly tool_calls?: unknown }
    readonly message: {
      readonly content: string | null
      readonly tool_calls?: readonly {
        readonly id: string
        readonly function: { readonly name: string; readonly arguments: string }
      }[]
    }
    readonly finish_reason: string | null
  }[]
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null
  readonly data: readonly { readonly embedding: readonly number[] }[]
  readonly error?: { readonly message: string; readonly type: string; readonly code: string }
}

let market: ClientMarket
let chatUrl = ''

const isThere = CURL_VERSION !== undefined
const suite = describe.skipIf(!isThere)
const NAME = isThere ? `curl ${CURL_VERSION}` : 'curl, which is not installed here: skipped,'

beforeAll(async () => {
  if (!isThere) return
  market = await openClientMarket()
  chatUrl = `${market.gateway.url}/v1/chat/completions`
})
afterAll(async () => await market?.[Symbol.asyncDispose]())

const user = (content: string) => [{ role: 'user', content }]
const ask = (content: string, more: object = {}) => ({
  model: market.wire,
  messages: user(content),
  ...more,
})

const documentOf = ({ body }: { body: string }): Chunk => JSON.parse(body) as Chunk

/** What a program reads that knows no more of streams than their specification. */
function eventsOf(stream: string): { chunks: readonly Chunk[]; text: string; done: boolean } {
  const chunks: Chunk[] = []
  let done = false
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data === '[DONE]') done = true
      else chunks.push(JSON.parse(data) as Chunk)
    },
  })
  parser.feed(stream)
  const text = chunks.map(({ choices }) => choices?.[0]?.delta.content ?? '').join('')
  return { chunks, text, done }
}

suite(`${NAME} with wire traffic of OpenAI’s own form`, () => {
  test.each(CUTS)('reads a stream that comes as %s', async (cut) => {
    market.replay.cut = cut
    const more = { stream: true, stream_options: { include_usage: true } }
    const { exit, status, headers, body } = await curl(chatUrl, { body: ask('chat', more) })
    market.replay.cut = 'whole'
    assert.deepEqual([exit, status], [0, 200])
    assert.deepEqual(headers['content-type'], ['text/event-stream; charset=utf-8'])
    const { chunks, text, done } = eventsOf(body)
    assert.deepEqual([text, done], [GREETING, true])
    const { prompt_tokens, completion_tokens } = chunks.at(-1)?.usage ?? {}
    assert.deepEqual(
      [prompt_tokens, completion_tokens],
      [GREETING_TOKENS.input, GREETING_TOKENS.output],
    )
    assert.equal(chunks.at(-2)?.choices[0]?.finish_reason, 'stop')
  })

  test('reads a document, and who was paid what for it', async () => {
    const answer = await curl(chatUrl, { body: ask('chat') })
    assert.equal(documentOf(answer).choices[0]?.message.content, GREETING)
    assert.deepEqual(answer.headers['x-hanse-country'], ['DE'])
    const [bundle = ''] = answer.headers['x-hanse-bundle'] ?? []
    assert.equal((await curl(market.gateway.url + bundle)).status, 200)
  })

  test('gets calls of tools, in pieces and whole', async () => {
    const tools = [{ type: 'function', function: { name: 'get_weather', parameters: {} } }]
    const { choices } = documentOf(await curl(chatUrl, { body: ask('tools', { tools }) }))
    assert.deepEqual(
      choices[0]?.message.tool_calls?.map(({ id, function: { name, arguments: given } }) => ({
        id,
        name,
        arguments: JSON.parse(given) as unknown,
      })),
      WEATHER,
    )
    const { body } = await curl(chatUrl, { body: ask('tools', { tools, stream: true }) })
    const { chunks, done } = eventsOf(body)
    assert.ok(done && chunks.some(({ choices: [one] }) => one?.delta.tool_calls !== undefined))
    assert.equal(chunks.at(-1)?.choices[0]?.finish_reason, 'tool_calls')
  })

  test('gets structured output, and the schema reaches the engine', async () => {
    const response_format = {
      type: 'json_schema',
      json_schema: { name: 'length', schema: { type: 'object' } },
    }
    const answer = await curl(chatUrl, { body: ask('structured', { response_format }) })
    const { content } = documentOf(answer).choices[0]?.message ?? {}
    assert.deepEqual(JSON.parse(content ?? ''), STRUCTURED)
    assert.deepEqual(market.replay.asked.at(-1)?.response_format, response_format)
  })

  test('gets embeddings', async () => {
    const answer = await curl(`${market.gateway.url}/v1/embeddings`, {
      body: { model: market.embedding, input: ['a', 'b'] },
    })
    assert.deepEqual(
      documentOf(answer).data.map(({ embedding }) => embedding),
      EMBEDDINGS,
    )
  })

  test('a stream that breaks, by an error or by silence, never looks whole', async () => {
    for (const recording of ['broken', 'cut']) {
      const { body } = await curl(chatUrl, { body: ask(recording, { stream: true }) })
      const { chunks, text, done } = eventsOf(body)
      assert.deepEqual([text, done], [HALF, false])
      assert.equal(chunks.at(-1)?.error?.code, 'HANSE_ENGINE_FAILED')
      const { status } = await curl(chatUrl, { body: ask(recording) })
      assert.equal(status, 502)
    }
  })

  test('gets each kind of fault as a status and an object', async () => {
    for (const { name, key, model, prompt, status, code } of await faultsOf(market))
      for (const stream of [false, true]) {
        const body = { model, messages: user(prompt), stream }
        const answer = await curl(chatUrl, { key, body })
        const { error } = documentOf(answer)
        assert.deepEqual([answer.status, error?.code], [status, code], name)
        assert.match(answer.headers['x-request-id']?.[0] ?? '', /^req_/u)
        const again = answer.headers['retry-after'] ?? answer.headers['x-should-retry']
        assert.ok(again !== undefined, name)
      }
    const { status } = await curl(chatUrl, { flags: ['--data', '{}'] })
    assert.equal(status, 400)
  })

  test('that is stopped stops the engine, in the middle of a stream and before the end of a document', async () => {
    for (const stream of [true, false]) {
      const child = startCurl(chatUrl, { body: ask('forever', { stream }) })
      const closed = once(child, 'close')
      if (stream) await once(child.stdout, 'data')
      else await until(() => market.replay.running === 1)
      child.kill('SIGINT')
      await until(() => market.replay.running === 0)
      await closed
    }
  })

  test('reads a hundred streams at once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hanse-curl-'))
    try {
      const child = startCurl(`${chatUrl}?stream=[1-${STREAMS}]`, {
        body: ask('chat', { stream: true }),
        flags: [
          '--parallel',
          '--parallel-immediate',
          '--parallel-max',
          String(STREAMS),
          '--output',
          join(folder, '#1.sse'),
        ],
      })
      assert.deepEqual(await once(child, 'exit'), [0, null])
      const files = await readdir(folder)
      assert.equal(files.length, STREAMS)
      for (const file of files) {
        const { text, done } = eventsOf(await readFile(join(folder, file), 'utf8'))
        assert.deepEqual([text, done], [GREETING, true])
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('speaks to Ollama’s API as Ollama’s own examples do', async () => {
    const flags = ['--data', JSON.stringify(ask('chat'))]
    const { status, body } = await curl(`${market.gateway.url}/api/chat`, { flags })
    assert.equal(status, 200)
    const lines = body
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { message: { content: string }; done: boolean })
    assert.equal(lines.map(({ message }) => message.content).join(''), GREETING)
    assert.equal(lines.at(-1)?.done, true)
  })
})

suite(`${NAME} with a model that really runs`, () => {
  const say = (more: object = {}) => ({
    model: market.tiny,
    messages: user('Hello'),
    temperature: 0,
    max_tokens: 12,
    ...more,
  })

  test('gets the same text streamed and whole', async () => {
    const { choices, usage } = documentOf(await curl(chatUrl, { body: say() }))
    assert.equal(usage?.completion_tokens, 12)
    const { text, done } = eventsOf((await curl(chatUrl, { body: say({ stream: true }) })).body)
    assert.deepEqual([text, done], [choices[0]?.message.content, true])
  })

  test('gets structured output that fits its schema', async () => {
    const schema = {
      type: 'object',
      properties: { ok: { type: 'boolean' } },
      required: ['ok'],
      additionalProperties: false,
    }
    const response_format = { type: 'json_schema', json_schema: { name: 'ok', schema } }
    const body = say({ max_tokens: 60, response_format })
    const { content } = documentOf(await curl(chatUrl, { body })).choices[0]?.message ?? {}
    assert.equal(typeof (JSON.parse(content ?? '') as { ok: unknown }).ok, 'boolean')
    const unknown = { type: 'json_schema', json_schema: { name: 'x', schema: { pattern: '^a' } } }
    const refused = await curl(chatUrl, { body: say({ response_format: unknown }) })
    assert.deepEqual(
      [refused.status, documentOf(refused).error?.code],
      [400, 'HANSE_ENGINE_REFUSED'],
    )
  })

  test('that is stopped stops the engine, and pays for what came', async () => {
    const response_format = { type: 'json_schema', json_schema: { name: 'x', schema: LONG_FORM } }
    await untilCancelled(market, async () => {
      const child = startCurl(chatUrl, {
        body: say({ max_tokens: 500, response_format, stream: true }),
      })
      const closed = once(child, 'close')
      await once(child.stdout, 'data')
      child.kill('SIGINT')
      await closed
    })
  })
})
