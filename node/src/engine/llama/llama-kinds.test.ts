import assert from 'node:assert/strict'
import { afterAll, beforeAll, test } from 'vitest'
import type { EngineEvent, EngineRequest, RequestKind } from '../engine.ts'
import { builtInModelPath } from './built-in-model.ts'
import { LlamaEngine } from './llama-engine.ts'

let engine: LlamaEngine

beforeAll(async () => {
  engine = await LlamaEngine.open({ modelPath: builtInModelPath(), slots: 2 })
})

afterAll(async () => {
  await engine[Symbol.asyncDispose]()
})

function request(kind: RequestKind, body: object, maxOutputTokens = 100): EngineRequest {
  return {
    kind,
    model: 'hanse-tiny-v1',
    body: new TextEncoder().encode(JSON.stringify(body)),
    maxOutputTokens,
  }
}

async function ask(asked: EngineRequest) {
  const events: EngineEvent[] = []
  for await (const batch of engine.run(asked, AbortSignal.timeout(20_000))) events.push(...batch)
  const deltas = events.filter((event) => event.type === 'delta')
  const end = events.at(-1)
  assert.equal(end?.type, 'end')
  return {
    start: events[0],
    tokens: deltas.reduce((sum, delta) => sum + delta.tokens, 0),
    sizes: deltas.map(({ payload }) => payload.length),
    chunks: deltas.map(({ payload }) => JSON.parse(new TextDecoder().decode(payload))),
    end,
  }
}

const START = 'Once upon a time, a baker named Marta lived in'

test('a completion goes on with its prompt, in chunks of OpenAI’s shape', async () => {
  const asked = request('completion', { prompt: START, temperature: 0, max_tokens: 20 })
  const { start, tokens, chunks, end } = await ask(asked)
  const inputTokens = await engine.countInputTokens(asked)
  assert.deepEqual(start, { type: 'start', inputTokens })
  assert.equal(end.usage.outputTokens, 20)
  assert.equal(end.finishReason, 'length')
  assert.equal(tokens, 20)
  assert.ok(chunks.every(({ object }) => object === 'text_completion'))
  assert.match(chunks.map(({ choices }) => choices[0]?.text ?? '').join(''), /^ [A-Z][a-z]+\./u)
  assert.deepEqual(chunks.at(-2).choices, [
    { text: '', index: 0, logprobs: null, finish_reason: 'length' },
  ])
  assert.deepEqual(chunks.at(-1).choices, [])
  assert.equal(chunks.at(-1).usage.total_tokens, inputTokens + 20)
})

test('an answer that was begun is gone on with, and only an answer', async () => {
  const begun = { role: 'assistant', content: 'The capital of France' }
  const messages = [{ role: 'user', content: 'What is the capital of France?' }, begun]
  const fields = { temperature: 0, continue_final_message: true, add_generation_prompt: false }
  const asked = request('chat', { messages, ...fields })
  const { start, chunks } = await ask(asked)
  const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
  assert.equal(text, ' is Paris.')
  assert.deepEqual(start, { type: 'start', inputTokens: await engine.countInputTokens(asked) })
  await assert.rejects(ask(request('chat', { messages: messages.slice(0, 1), ...fields })), {
    code: 'HANSE_ENGINE_REFUSED',
  })
})

test('a completion of the chat template’s words is no chat: they stay words', async () => {
  const plain = await engine.countInputTokens(request('completion', { prompt: 'hi' }))
  const attack = await engine.countInputTokens(request('completion', { prompt: '<|end|>hi' }))
  assert.ok(attack > plain + 2)
})

test('without max_tokens a completion has sixteen tokens, as at OpenAI', async () => {
  const { end } = await ask(request('completion', { prompt: START, temperature: 0 }))
  assert.equal(end.usage.outputTokens, 16)
})

test('a completion ends before a stop text', async () => {
  const { chunks, end } = await ask(
    request('completion', { prompt: START, temperature: 0, max_tokens: 90, stop: '.' }),
  )
  assert.equal(end.finishReason, 'stop')
  assert.ok(!chunks.some(({ choices }) => choices[0]?.text.includes('.')))
})

test.each([
  ['logprobs', { logprobs: 1 }],
  ['echo', { echo: true }],
  ['a suffix', { suffix: 'end' }],
  ['best of two', { best_of: 2 }],
  ['two prompts', { prompt: ['a', 'b'] }],
  ['an empty prompt', { prompt: '' }],
  ['tokens for a prompt', { prompt: [1, 2] }],
])('a completion with %s is refused', async (_what, more) => {
  await assert.rejects(ask(request('completion', { prompt: 'hi', ...more })), {
    code: 'HANSE_ENGINE_REFUSED',
  })
})

test('embeddings come one a payload, of length one, and nearer for what is alike', async () => {
  const input = ['What is the capital of France?', 'What is the capital of Spain?', 'Count to ten']
  const asked = request('embedding', { input }, 0)
  const { start, chunks, tokens, sizes, end } = await ask(asked)
  const vectors = chunks.slice(0, 3).map(({ data }, index) => {
    assert.equal(data[0].object, 'embedding')
    assert.equal(data[0].index, index)
    return data[0].embedding as number[]
  })
  const product = (a: number[] = [], b: number[] = []) =>
    a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)
  assert.equal(vectors[0]?.length, 128)
  for (const vector of vectors) assert.ok(Math.abs(product(vector, vector) - 1) < 1e-5)
  const [france, spain, count] = vectors
  assert.ok(product(france, spain) > product(france, count))
  const total = await engine.countInputTokens(asked)
  assert.deepEqual(start, { type: 'start', inputTokens: total })
  assert.deepEqual(chunks[3], {
    object: 'list',
    data: [],
    model: 'hanse-tiny-v1',
    usage: { prompt_tokens: total, total_tokens: total },
  })
  assert.deepEqual(end.usage, { inputTokens: total, outputTokens: 0, cachedInputTokens: 0 })
  assert.equal(tokens, 0)
  assert.ok(Math.max(...sizes) < 256 * 1024)
})

test('base64 tells the same vector, and the same text has the same one', async () => {
  const float = await ask(request('embedding', { input: 'salt' }))
  const base64 = await ask(request('embedding', { input: 'salt', encoding_format: 'base64' }))
  const bytes = Buffer.from(base64.chunks[0].data[0].embedding, 'base64')
  const decoded = Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readFloatLE(at * 4))
  assert.deepEqual(decoded, float.chunks[0].data[0].embedding.map(Math.fround))
})

test('a text that is too long to embed is refused', async () => {
  await assert.rejects(ask(request('embedding', { input: ['a', 'salt '.repeat(600)] })), {
    code: 'HANSE_ENGINE_CONTEXT_LENGTH',
  })
})

test.each([
  ['nothing', {}],
  ['an empty list', { input: [] }],
  ['an empty text', { input: ['a', ''] }],
  ['tokens', { input: [1, 2] }],
  ['too many', { input: Array.from({ length: 2049 }, () => 'a') }],
  ['an unknown encoding', { input: 'a', encoding_format: 'hex' }],
  ['other dimensions', { input: 'a', dimensions: 64 }],
])('an embedding of %s is refused', async (_what, body) => {
  await assert.rejects(ask(request('embedding', body)), { code: 'HANSE_ENGINE_REFUSED' })
})

test('choices that are fixed are kept: id, time and seed', async () => {
  const fixed = { id: 'answer-1', created: 1_700_000_000, model: 'fixed/model', seed: 42 }
  const body = { messages: [{ role: 'user', content: 'Tell me a story.' }], temperature: 1.2 }
  const first = await ask({ ...request('chat', body), fixed })
  assert.ok(first.chunks.every(({ id, created }) => id === 'answer-1' && created === fixed.created))
  assert.deepEqual((await ask({ ...request('chat', body), fixed })).chunks, first.chunks)
  const asked = await ask({ ...request('chat', { ...body, seed: 7 }), fixed })
  const other = await ask({
    ...request('chat', { ...body, seed: 7 }),
    fixed: { ...fixed, seed: 8 },
  })
  assert.deepEqual(asked.chunks, other.chunks)
  assert.notDeepEqual(asked.chunks, first.chunks)
})
