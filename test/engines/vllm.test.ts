import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { OpenAiEngine } from '@hanse/node'
import { afterEach, describe, test } from 'vitest'
import type { DoubleFault, EngineDouble } from '../support/engine-double.ts'
import { startVllmDouble, type VllmDoubleOptions } from '../support/vllm-double.ts'
import { hello, outcomeOf, requestOf, saidIn, until } from './engine-runs.ts'

const MODEL = 'double/vllm-1b'
const IDLE_MS = 300

const opened: AsyncDisposable[] = []
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each[Symbol.asyncDispose]()
})

async function open(
  options: VllmDoubleOptions = {},
): Promise<{ double: EngineDouble; engine: OpenAiEngine }> {
  const double = await startVllmDouble(options)
  const engine = new OpenAiEngine({ baseUrl: `${double.url}/v1`, program: 'vllm', idleMs: IDLE_MS })
  opened.push(double, engine)
  return { double, engine }
}

const chat = (more: object = {}, max = 100) => requestOf('chat', MODEL, { ...hello, ...more }, max)

test('a chat is answered, counted as vLLM counts, with its log probabilities', async () => {
  const { engine } = await open({ tokens: 20 })
  const done = await outcomeOf(engine, chat({ logprobs: true }))
  assert.equal(done.error, undefined)
  assert.equal(done.text, saidIn(20))
  assert.equal(done.tokens, 20)
  assert.deepEqual(done.usage, { inputTokens: 10, outputTokens: 20, cachedInputTokens: 0 })
  assert.equal(done.finishReason, 'stop')
  assert.equal(await engine.countInputTokens?.(chat()), 10, 'before it runs')
  const marks = done.payloads[1]?.choices?.[0]?.logprobs as { content: { token: string }[] }
  assert.equal(marks.content[0]?.token, ' t0')
})

test('usage in every chunk, as who asks for it gets, passes through', async () => {
  const { engine } = await open({ tokens: 5 })
  const done = await outcomeOf(engine, chat({ stream_options: { continuous_usage_stats: true } }))
  assert.equal(done.tokens, 5)
  assert.equal(done.payloads[2]?.usage?.completion_tokens, 2)
})

test('a completion is answered, with log probabilities and the order’s limit', async () => {
  const { engine, double } = await open()
  const request = requestOf('completion', MODEL, { prompt: 'Once upon a time', logprobs: 1 }, 7)
  const done = await outcomeOf(engine, request)
  assert.equal(done.error, undefined)
  assert.equal(done.text, saidIn(7))
  assert.equal(done.finishReason, 'length')
  assert.equal(done.usage?.inputTokens, 5)
  assert.equal(await engine.countInputTokens?.(request), 5)
  assert.equal(double.bodies[0]?.max_tokens, 7)
})

test('texts are embedded, in payloads that sessions carry, and charged as input', async () => {
  const { engine } = await open({ dimensions: 1536 })
  const input = Array.from({ length: 100 }, (_, n) => `text number ${n}`)
  const done = await outcomeOf(engine, requestOf('embedding', MODEL, { input }, 0))
  assert.equal(done.error, undefined)
  assert.ok(done.payloads.length > 1)
  const items = done.payloads.flatMap(({ data = [] }) => data)
  assert.deepEqual(
    items.map(({ index }) => index),
    input.map((_, index) => index),
  )
  assert.equal(done.tokens, 0)
  assert.deepEqual(done.usage, { inputTokens: 400, outputTokens: 0, cachedInputTokens: 0 })
})

test('a limit that the context has no room for is lowered, for vLLM would refuse the request', async () => {
  const { engine, double } = await open({ maxModelLen: 64, tokens: 200 })
  await engine.models()
  const done = await outcomeOf(engine, chat({}, 64))
  assert.equal(done.error, undefined)
  assert.equal(double.bodies[0]?.max_tokens, 54)
  assert.equal(done.finishReason, 'length')
})

describe('what the engine refuses keeps its cause', () => {
  test('a prompt over the context', async () => {
    const { engine } = await open({ maxModelLen: 8 })
    const { error } = await outcomeOf(engine, chat())
    assert.equal((error as { code?: string }).code, 'HANSE_ENGINE_CONTEXT_LENGTH')
  })

  test('a model that it does not have', async () => {
    const { engine } = await open()
    const { error } = await outcomeOf(engine, requestOf('chat', 'other', hello))
    assert.equal((error as { code?: string }).code, 'HANSE_ENGINE_MODEL_UNKNOWN')
  })

  test('a wrong key, which is the owner’s mistake', async () => {
    const { engine } = await open({ apiKey: 'right' })
    const { error } = await outcomeOf(engine, chat())
    assert.equal((error as { code?: string }).code, 'HANSE_ENGINE_FAILED')
    const health = await engine.health()
    assert.equal(health.ready, false)
    assert.match(health.message, /API key/u)
  })
})

test('without usage, the input is what its tokenizer says, and the output what was seen', async () => {
  const { engine, double } = await open({ tokens: 9 })
  double.control.fault = 'no-usage'
  const done = await outcomeOf(engine, chat())
  assert.deepEqual(done.usage, { inputTokens: 10, outputTokens: 9, cachedInputTokens: 0 })
  const embedded = await outcomeOf(engine, requestOf('embedding', MODEL, { input: 'a b c' }, 0))
  assert.equal(embedded.usage?.inputTokens, 4)
})

test('usage that cannot be is cut to what a consumer believes', async () => {
  const { engine, double } = await open({ tokens: 9 })
  double.control.fault = 'absurd-usage'
  const done = await outcomeOf(engine, chat())
  assert.equal(done.error, undefined)
  assert.equal(done.tokens, saidIn(9).length + 32)
  assert.equal(done.usage?.outputTokens, done.tokens)
})

describe('an engine on a bad day ends the answer soon, with a code, and serves the next one', () => {
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
      const good = await outcomeOf(engine, chat())
      assert.equal(good.error, undefined)
      assert.equal(good.text, saidIn(20))
      await until('nothing runs on', () => double.counts.running === 0)
    },
  )

  test('one that never begins is given up by the session’s deadline', async () => {
    const { engine, double } = await open()
    double.control.fault = 'hang'
    const { error } = await outcomeOf(engine, chat(), AbortSignal.timeout(2 * IDLE_MS))
    assert.equal((error as Error).name, 'TimeoutError')
    await until('the engine is told', () => double.counts.running === 0)
  })

  test('a long prefill is no silence, and neither is a reader who waits', async () => {
    const { engine } = await open({ tokens: 2000, firstTokenMs: 2 * IDLE_MS })
    let batches = 0
    for await (const events of engine.run(chat({}, 2000), AbortSignal.timeout(20_000))) {
      if (events.some(({ type }) => type === 'delta') && batches++ === 1)
        await new Promise((resolve) => {
          setTimeout(resolve, 2 * IDLE_MS)
        })
    }
    assert.ok(batches > 1)
  })
})

test('how busy it is shows in its health, whoever keeps it so', async () => {
  const { engine, double } = await open({ tokens: 1000, tokensPerSecond: 50 })
  const idle = await engine.health()
  assert.deepEqual(idle.load, { running: 0, waiting: 0, cacheUsed: 0 })
  assert.deepEqual(idle.models, [{ id: MODEL, state: 'loaded' }])
  const owner = new AbortController()
  const own = fetch(`${double.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ ...hello, stream: true }),
    signal: owner.signal,
  })
  await own
  assert.equal((await engine.health()).load?.running, 1)
  owner.abort()
  await until('it is idle again', () => double.counts.running === 0)
})

test('kill -9 in the middle of 16 streams ends each of them, and a new one serves on the same port', async () => {
  const first = await spawnDouble(['--port', '0', '--tokens-per-second', '100', '--tokens', '5000'])
  const engine = new OpenAiEngine({ baseUrl: `${first.url}/v1`, program: 'vllm', idleMs: 20_000 })
  opened.push(engine)
  const began = Promise.withResolvers<void>()
  let streaming = 0
  const runs = Array.from({ length: 16 }, async () => {
    let begun = false
    for await (const events of engine.run(chat({}, 5000), AbortSignal.timeout(30_000))) {
      if (begun || !events.some((event) => event.type === 'delta' && event.tokens > 0)) continue
      begun = true
      if (++streaming === 16) began.resolve()
    }
  })
  const settled = Promise.allSettled(runs)
  await began.promise
  first.child.kill('SIGKILL')
  for (const result of await settled) {
    assert.equal(result.status, 'rejected')
    assert.equal((result.reason as { code?: string }).code, 'HANSE_ENGINE_FAILED')
  }
  assert.equal((await engine.health()).ready, false)
  await spawnDouble(['--port', new URL(first.url).port, '--tokens', '5'])
  assert.equal((await engine.health()).ready, true)
  assert.equal((await outcomeOf(engine, chat())).text, saidIn(5))
})

async function spawnDouble(args: readonly string[]): Promise<{ child: ChildProcess; url: string }> {
  const script = fileURLToPath(new URL('../support/vllm-double.ts', import.meta.url))
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  opened.push({
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  })
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  return { child, url: (JSON.parse(line) as { url: string }).url }
}
