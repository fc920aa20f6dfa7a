import assert from 'node:assert/strict'
import { OllamaEngine, type OllamaEngineOptions, type PullProgress } from '@hanse/node'
import { afterEach, describe, test } from 'vitest'
import type { DoubleFault } from '../support/engine-double.ts'
import {
  OLLAMA_DOUBLE_MODELS,
  type OllamaDouble,
  type OllamaDoubleOptions,
  startOllamaDouble,
} from '../support/ollama-double.ts'
import { hello, outcomeOf, requestOf, saidIn, until } from './engine-runs.ts'

const MODEL = 'llama3.2:3b'
const EMBEDDER = 'nomic-embed-text:latest'
const IDLE_MS = 300

const opened: AsyncDisposable[] = []
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each[Symbol.asyncDispose]()
})

async function open(
  options: OllamaDoubleOptions = {},
  own: Partial<OllamaEngineOptions> = {},
): Promise<{ double: OllamaDouble; engine: OllamaEngine }> {
  const double = await startOllamaDouble(options)
  const engine = new OllamaEngine({ url: `${double.url}/v1`, idleMs: IDLE_MS, ...own })
  opened.push(double, engine)
  return { double, engine }
}

const chat = (more: object = {}, max = 100) => requestOf('chat', MODEL, { ...hello, ...more }, max)
const words = (count: number) => ({
  messages: [{ role: 'user', content: Array.from({ length: count }, () => 'word').join(' ') }],
})

test('the models of this machine are listed with what is certain of them, and the cloud’s are not', async () => {
  const { engine, double } = await open()
  const [llama, nomic, ...others] = await engine.models()
  assert.deepEqual(others, [])
  assert.deepEqual(llama, {
    id: MODEL,
    contextLength: 4096,
    digest: double.weightsOf(MODEL),
    quantization: 'Q4_K_M',
    capabilities: ['chat', 'completion', 'tools', 'logprobs', 'structured', 'continuation'],
    sizeBytes: 2_019_393_189,
    parameters: 3_212_749_888,
    slots: null,
    reproducible: null,
    marketName: 'meta-llama/llama-3.2-3b-instruct:q4_k_m',
  })
  assert.equal(nomic?.contextLength, 2048)
  assert.deepEqual(nomic?.capabilities, ['embedding'])
  const { error } = await outcomeOf(engine, requestOf('chat', 'gpt-oss:120b-cloud', hello))
  assert.equal((error as { code?: string }).code, 'HANSE_ENGINE_MODEL_UNKNOWN')
  assert.equal(double.counts.requests, 0, 'no prompt was sent to it')
})

test('a chat is answered in OpenAI’s chunks, with Ollama’s own counts', async () => {
  const { engine, double } = await open({ tokens: 20 }, { keepAlive: '-1' })
  const done = await outcomeOf(engine, chat({ logprobs: true, seed: 3 }))
  assert.equal(done.error, undefined)
  assert.equal(done.text, saidIn(20))
  assert.equal(done.tokens, 20)
  assert.equal(done.finishReason, 'stop')
  assert.deepEqual(done.usage, { inputTokens: 7, outputTokens: 20, cachedInputTokens: 0 })
  assert.equal(done.payloads.at(-1)?.usage?.total_tokens, 27)
  const marks = done.payloads[0]?.choices?.[0]?.logprobs as { content: { token: string }[] }
  assert.equal(marks.content[0]?.token, ' t0')
  const [sent] = double.bodies
  assert.deepEqual(sent?.options, { seed: 3, num_predict: 100, num_ctx: 4096 })
  assert.deepEqual([sent?.keep_alive, sent?.truncate, sent?.shift], [-1, false, false])
})

test('a completion and embeddings go by Ollama’s own routes', async () => {
  const { engine } = await open()
  const completed = await outcomeOf(engine, requestOf('completion', MODEL, { prompt: 'a b c' }, 7))
  assert.equal(completed.text, saidIn(7))
  assert.equal(completed.finishReason, 'length')
  assert.equal(completed.usage?.inputTokens, 3)
  const body = { input: ['one', 'two words'], encoding_format: 'base64' }
  const embedded = await outcomeOf(engine, requestOf('embedding', EMBEDDER, body, 0))
  assert.equal(embedded.error, undefined)
  assert.deepEqual(embedded.usage, { inputTokens: 3, outputTokens: 0, cachedInputTokens: 0 })
  const [, second] = embedded.payloads.flatMap(({ data = [] }) => data)
  const bytes = Buffer.from(String(second?.embedding), 'base64')
  assert.deepEqual([bytes.length, bytes.readFloatLE(0)], [32, 2 / 128])
})

test('a tool is called, and thoughts are shown', async () => {
  const models = [
    { name: 'thinker', capabilities: ['completion', 'tools', 'thinking'], contextLength: 4096 },
  ]
  const { engine } = await open({ models, tokens: 4 })
  const tools = [{ type: 'function', function: { name: 'weather' } }]
  const messages = [{ role: 'user', content: 'please use the tool' }]
  const called = await outcomeOf(engine, requestOf('chat', 'thinker', { messages, tools }))
  assert.equal(called.finishReason, 'tool_calls')
  const made = called.payloads.flatMap(({ choices = [] }) => choices[0]?.delta?.tool_calls ?? [])
  assert.deepEqual((made[0] as { function: unknown }).function, {
    name: 'weather',
    arguments: '{"city":"Köln"}',
  })
  assert.equal(called.tokens, 12, 'as Ollama counted, within what the call shows')
  const thought = await outcomeOf(engine, requestOf('chat', 'thinker', hello))
  assert.equal(thought.payloads[0]?.choices?.[0]?.delta?.reasoning, ' thought')
  const silent = requestOf('chat', 'thinker', { ...hello, reasoning_effort: 'none' })
  assert.equal(
    (await outcomeOf(engine, silent)).payloads[0]?.choices?.[0]?.delta?.reasoning,
    undefined,
  )
})

describe('the context that is offered is the one that runs', () => {
  test('and does not make Ollama load the model again for its owner', async () => {
    const [llama] = OLLAMA_DOUBLE_MODELS
    assert.ok(llama !== undefined)
    const { engine, double } = await open({ models: [{ ...llama, numCtx: 1000 }] })
    assert.equal((await engine.models())[0]?.contextLength, 1000)
    await fetch(`${double.url}/api/chat`, {
      method: 'POST',
      body: JSON.stringify({ model: MODEL, ...hello }),
    })
    await outcomeOf(engine, chat())
    assert.equal(double.loads, 1)
  })

  test('a prompt over it is refused, and never cut', async () => {
    const { engine } = await open({}, { contextLength: 256 })
    assert.equal((await engine.models())[0]?.contextLength, 256)
    const { error, tokens } = await outcomeOf(engine, chat(words(300)))
    assert.equal((error as { code?: string }).code, 'HANSE_ENGINE_CONTEXT_LENGTH')
    assert.equal(tokens, 0)
    const embed = requestOf('embedding', EMBEDDER, { input: words(300).messages[0]?.content }, 0)
    const refused = await outcomeOf(engine, embed)
    assert.equal((refused.error as { code?: string }).code, 'HANSE_ENGINE_CONTEXT_LENGTH')
  })

  test('an old version that cuts all the same is found out, and its owner told', async () => {
    const { engine } = await open({ version: '0.11.4' }, { contextLength: 256 })
    const { error } = await outcomeOf(engine, chat(words(300)))
    assert.equal((error as { code?: string }).code, 'HANSE_ENGINE_CONTEXT_LENGTH')
    assert.match((await engine.health()).message, /0\.11\.4 .* update it/u)
  })
})

test('a model is loaded, seen to be so, and unloaded', async () => {
  const { engine } = await open()
  const stateOf = async () => (await engine.health()).models.find(({ id }) => id === MODEL)?.state
  assert.equal(await stateOf(), 'unloaded')
  await engine.load(MODEL)
  assert.equal(await stateOf(), 'loaded')
  await engine.unload(MODEL)
  assert.equal(await stateOf(), 'unloaded')
})

test('a model is pulled with progress, and then listed; one that is not there says so', async () => {
  const { engine } = await open()
  const seen: PullProgress[] = []
  const signal = AbortSignal.timeout(10_000)
  await engine.pull('qwen3:4b', (progress) => seen.push(progress), signal)
  assert.ok(
    seen.some(({ completedBytes, totalBytes }) => completedBytes === 500 && totalBytes === 1000),
  )
  assert.equal(seen.at(-1)?.status, 'success')
  assert.ok((await engine.models()).some(({ id }) => id === 'qwen3:4b'))
  await assert.rejects(
    engine.pull('missing', () => {}, signal),
    { code: 'HANSE_ENGINE_FAILED', engineMessage: 'pull model manifest: file does not exist' },
  )
  await assert.rejects(
    engine.pull('qwen3:4b', () => {}, AbortSignal.abort(new Error('stopped'))),
    { message: 'stopped' },
  )
})

test('without counts, what was seen is charged, and a low guess of the prompt', async () => {
  const { engine, double } = await open({ tokens: 9 })
  double.control.fault = 'no-usage'
  const done = await outcomeOf(engine, chat())
  assert.deepEqual(done.usage, { inputTokens: 2, outputTokens: 9, cachedInputTokens: 0 })
  double.control.fault = 'absurd-usage'
  const absurd = await outcomeOf(engine, chat())
  assert.equal(absurd.tokens, saidIn(9).length + 32)
})

describe('Ollama on a bad day ends the answer soon, with a code, and serves the next one', () => {
  test.each([
    ['fail', 'HANSE_ENGINE_FAILED', 0],
    ['busy', 'HANSE_ENGINE_UNAVAILABLE', 0],
    ['hang-mid', 'HANSE_ENGINE_FAILED', 3],
    ['die-mid', 'HANSE_ENGINE_FAILED', 3],
    ['error-mid', 'HANSE_ENGINE_FAILED', 3],
    ['garbage', 'HANSE_ENGINE_FAILED', 3],
    ['oversize', 'HANSE_ENGINE_FAILED', 3],
  ] as const satisfies readonly (readonly [DoubleFault, string, number])[])(
    '%s',
    async (fault, code, tokens) => {
      const { engine, double } = await open({ tokens: 20 })
      double.control.fault = fault
      const bad = await outcomeOf(engine, chat())
      assert.equal((bad.error as { code?: string }).code, code)
      assert.equal(bad.tokens, tokens, 'what came before is good')
      double.control.fault = 'none'
      assert.equal((await outcomeOf(engine, chat())).text, saidIn(20))
      await until('nothing runs on', () => double.counts.running === 0)
    },
  )

  test('a reader who leaves stops it', async () => {
    const { engine, double } = await open({ tokens: 5000, tokensPerSecond: 100 })
    for await (const events of engine.run(chat({}, 5000), AbortSignal.timeout(20_000)))
      if (events.some(({ type }) => type === 'delta')) break
    await until('Ollama is told', () => double.counts.aborted === 1)
  })

  test('one that is gone is not ready, and says so', async () => {
    const { engine, double } = await open()
    await double.close()
    assert.equal((await engine.health()).ready, false)
    await assert.rejects(engine.models(), { code: 'HANSE_ENGINE_UNAVAILABLE', retryable: true })
  })
})
