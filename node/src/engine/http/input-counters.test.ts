import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, test } from 'vitest'
import type { EngineRequest } from '../engine.ts'
import { encodeJson } from '../json.ts'
import { EngineHttp } from './engine-http.ts'
import { type InputCounter, inputCounterOf } from './input-counters.ts'
import type { OpenAiProgram } from './programs.ts'

type Answer = (path: string, body: Record<string, unknown>) => unknown

const opened: AsyncDisposable[] = []
afterEach(async () => {
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]()
})

async function counterAgainst(program: OpenAiProgram, answer: Answer): Promise<InputCounter> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(answer(request.url ?? '', body)))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const http = new EngineHttp(undefined)
  opened.push({
    [Symbol.asyncDispose]: async () => {
      http.close()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  })
  const root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const counter = inputCounterOf(program, http, root)
  assert.ok(counter !== undefined)
  return counter
}

function request(kind: EngineRequest['kind'], body: object): EngineRequest {
  return { kind, model: 'own', body: encodeJson({ model: 'market', ...body }), maxOutputTokens: 9 }
}

const chat = {
  messages: [{ role: 'user', content: 'hi' }],
  tools: [{ type: 'function' }],
  stream: true,
}

describe('vLLM', () => {
  test('counts a chat with its tools, by the engine’s own name, without what its route does not take', async () => {
    const seen: unknown[] = []
    const count = await counterAgainst('vllm', (path, body) => {
      seen.push([path, body])
      return { count: 17, max_model_len: 64, tokens: [] }
    })
    assert.equal(await count(request('chat', chat)), 17)
    assert.deepEqual(seen, [
      ['/tokenize', { messages: chat.messages, tools: chat.tools, model: 'own' }],
    ])
  })

  test('counts prompts one by one, and ids as they are', async () => {
    const count = await counterAgainst('vllm', (_path, { prompt }) => ({
      count: String(prompt).length,
    }))
    assert.equal(await count(request('completion', { prompt: 'abc' })), 3)
    assert.equal(await count(request('completion', { prompt: ['abc', 'de'] })), 5)
    assert.equal(await count(request('completion', { prompt: [1, 2, 3, 4] })), 4)
    assert.equal(await count(request('embedding', { input: [[1, 2], [3]] })), 3)
  })

  test('cannot count what its tokenizer does not see', async () => {
    const count = await counterAgainst('vllm', () => ({ count: 1 }))
    const image = { type: 'image_url', image_url: { url: 'data:,' } }
    const withImage = { messages: [{ role: 'user', content: [image] }] }
    assert.equal(await count(request('chat', withImage)), undefined)
    assert.equal(await count(request('chat', { ...chat, documents: [] })), undefined)
    assert.equal(await count(request('chat', { messages: 'none' })), undefined)
    assert.equal(await count(request('completion', { prompt: 'a', suffix: 'b' })), undefined)
    assert.equal(await count(request('embedding', { input: [{ text: 'a' }] })), undefined)
    const many = Array.from({ length: 33 }, () => 'a')
    assert.equal(await count(request('embedding', { input: many })), undefined)
  })

  test.each([{ count: 1.5 }, { count: -1 }, { tokens: [1] }])(
    'an answer of %j is no count',
    async (answer) => {
      const count = await counterAgainst('vllm', () => answer)
      assert.equal(await count(request('chat', chat)), undefined)
    },
  )
})

test('llama.cpp makes the prompt of the whole body, and then counts it with its special tokens', async () => {
  const seen: unknown[] = []
  const count = await counterAgainst('llama.cpp', (path, body) => {
    seen.push([path, body])
    return path === '/apply-template' ? { prompt: '<s>hi' } : { tokens: [1, 2, 3] }
  })
  assert.equal(await count(request('chat', chat)), 3)
  assert.deepEqual(seen, [
    ['/apply-template', { ...chat, model: 'own' }],
    ['/tokenize', { model: 'own', content: '<s>hi', add_special: true, parse_special: true }],
  ])
})

test('TGI counts chats and prompts by two routes', async () => {
  const count = await counterAgainst('tgi', (path) =>
    path === '/tokenize'
      ? [{ id: 1 }, { id: 2 }]
      : { tokenize_response: [{ id: 1 }], templated_text: 'x' },
  )
  assert.equal(await count(request('chat', chat)), 1)
  assert.equal(await count(request('completion', { prompt: 'a b' })), 2)
})

test.each(['lm-studio', 'localai', 'openai'] as const)('%s has no such route', (program) => {
  using http = Object.assign(new EngineHttp(undefined), {
    [Symbol.dispose](): void {
      http.close()
    },
  })
  assert.equal(inputCounterOf(program, http, 'http://127.0.0.1:1'), undefined)
})
