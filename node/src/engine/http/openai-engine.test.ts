import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import type { EngineEvent, EngineRequest } from '../engine.ts'
import { OpenAiAnswer } from './openai-answer.ts'
import { OpenAiEngine } from './openai-engine.ts'

type Play = (
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
) => void | Promise<void>

interface Loopback extends AsyncDisposable {
  readonly engine: OpenAiEngine
  readonly baseUrl: string
  connections: number
}

async function openLoopback(play: Play): Promise<Loopback> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => void play(request, response, Buffer.concat(parts).toString()))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/`
  const engine = new OpenAiEngine({ baseUrl, apiKey: 'secret' })
  const loopback: Loopback = {
    engine,
    baseUrl,
    connections: 0,
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]()
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
  server.on('connection', () => loopback.connections++)
  return loopback
}

function stream(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  response.write(text)
}

function chat(more: Record<string, unknown> = {}, maxOutputTokens = 100): EngineRequest {
  const body = { model: 'market', messages: [{ role: 'user', content: 'SECRET PROMPT' }], ...more }
  return {
    kind: 'chat',
    model: 'own-id',
    body: new TextEncoder().encode(JSON.stringify(body)),
    maxOutputTokens,
  }
}

async function runAll(
  engine: OpenAiEngine,
  request = chat(),
  seen: EngineEvent[] = [],
): Promise<EngineEvent[]> {
  for await (const events of engine.run(request, AbortSignal.timeout(10_000))) seen.push(...events)
  return seen
}

function chunk(delta: unknown, finish: string | null = null, more: object = {}): string {
  const choices = [{ index: 0, delta, finish_reason: finish }]
  return `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices, ...more })}\n\n`
}

const USAGE = {
  prompt_tokens: 9,
  completion_tokens: 5,
  prompt_tokens_details: { cached_tokens: 4 },
}
const USAGE_CHUNK = `data: {"choices":[],"usage":${JSON.stringify(USAGE)}}\n\n`
const HEAD = chunk({ role: 'assistant', content: '' }) + chunk({ content: 'Grüße 🚢' })
const FINISH = chunk({}, 'stop')
const DONE = 'data: [DONE]\n\n'
const WHOLE = `: ping\n\n${HEAD}${chunk({ reasoning_content: 'hm' })}${chunk({ tool_calls: [{ index: 0 }] })}${FINISH}${USAGE_CHUNK}${DONE}`

function plain(events: EngineEvent[]): unknown[] {
  return events.map((event) =>
    event.type === 'delta' ? { ...event, payload: new TextDecoder().decode(event.payload) } : event,
  )
}

function decode(pieces: Uint8Array[]): EngineEvent[] {
  const answer = new OpenAiAnswer()
  const events = pieces.flatMap((piece) => answer.push(piece))
  return answer.done ? [...events, answer.end(0)] : events
}

test('the same events come out wherever the bytes are cut, whatever ends the lines', () => {
  for (const script of [
    WHOLE,
    WHOLE.replaceAll('\n', '\r\n'),
    WHOLE.replaceAll('data: ', 'data:'),
  ]) {
    const bytes = new TextEncoder().encode(script)
    const expected = plain(decode([bytes]))
    assert.equal(expected.length, 7)
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: bytes.byteLength }), { maxLength: 40 }),
        (cuts) => {
          const marks = [0, ...cuts.sort((a, b) => a - b), bytes.byteLength]
          const pieces = marks.slice(1).map((end, i) => bytes.subarray(marks[i] ?? 0, end))
          assert.deepEqual(plain(decode(pieces)), expected)
        },
      ),
    )
  }
})

test('a chunk that is not parsed is worth what it is worth when it is', () => {
  const text = fc.oneof(fc.constantFrom('', 'a', 'Grüße 🚢', '\n"', '\u2028'), fc.string())
  const field = fc.constantFrom('content', 'reasoning', 'reasoning_content', 'refusal', 'role')
  const delta = fc.dictionary(field, fc.oneof(text, fc.constant(null)))
  const choice = fc.record(
    { index: fc.nat(3), delta, text, finish_reason: fc.constantFrom(null, 'stop') },
    { requiredKeys: ['delta'] },
  )
  const chunks = fc.array(
    fc.record(
      { choices: fc.array(choice, { maxLength: 2 }), usage: fc.constantFrom(null, USAGE) },
      { requiredKeys: ['choices'] },
    ),
  )
  const script = (all: unknown[], before: string) =>
    Buffer.from(all.map((one) => `${before}data: ${JSON.stringify(one)}\n\n`).join(''))
  fc.assert(
    fc.property(chunks, (all) => {
      const answers = [new OpenAiAnswer(), new OpenAiAnswer()] as const
      // An event with a kind is parsed in any case.
      const [scanned, parsed] = [script(all, ''), script(all, 'event: message\n')]
      assert.deepEqual(plain(answers[0].push(scanned)), plain(answers[1].push(parsed)))
      assert.equal(answers[0].begun, answers[1].begun)
      assert.equal(answers[0].inputTokens, answers[1].inputTokens)
    }),
  )
})

test('bytes that are no UTF-8 reach nobody', () => {
  const answer = new OpenAiAnswer()
  const text = Buffer.from('data: {"x":"?","choices":[{"delta":{"content":"ok"}}]}\n\n')
  text[text.indexOf('?')] = 0xff
  const [event] = answer.push(text)
  assert.equal(event?.type, 'delta')
  assert.match(Buffer.from(event.payload).toString(), /^\{"x":"\u{FFFD}"/u)
  assert.ok(!Buffer.from(event.payload).includes(0xff))
})

test('a whole answer, cut at random over real HTTP, gives chunks as received and the usage', async () => {
  const bytes = Buffer.from(WHOLE)
  await using loopback = await openLoopback(async (_request, response) => {
    stream(response, '')
    for (let at = 0; at < bytes.byteLength; ) {
      const end = at + 1 + Math.floor(Math.random() * 90)
      response.write(bytes.subarray(at, end))
      at = end
      await delay(0)
    }
    response.end()
  })
  const events = await runAll(loopback.engine)
  assert.deepEqual(events[0], { type: 'start', inputTokens: null })
  const deltas = events.flatMap((event) => (event.type === 'delta' ? [event] : []))
  assert.deepEqual(
    deltas.map(({ tokens }) => tokens),
    [0, 1, 1, 1, 0, 2],
  )
  const received = deltas
    .map(({ payload }) => `data: ${new TextDecoder().decode(payload)}\n\n`)
    .join('')
  assert.equal(`: ping\n\n${received}${DONE}`, WHOLE)
  const usage = { inputTokens: 9, outputTokens: 5, cachedInputTokens: 4 }
  assert.deepEqual(events.at(-1), { type: 'end', finishReason: 'stop', usage })
})

test('what arrives in one read comes out in one array', async () => {
  await using loopback = await openLoopback((_request, response) => {
    stream(response, WHOLE)
    response.end()
  })
  const batches: EngineEvent[][] = []
  for await (const events of loopback.engine.run(chat(), AbortSignal.timeout(5_000)))
    batches.push(events)
  assert.deepEqual(
    batches.map((events) => events.length),
    [1, 7],
  )
})

test('the request keeps its fields, streams with usage, and is held to the limit', async () => {
  const seen: Record<string, unknown>[] = []
  await using loopback = await openLoopback((request, response, body) => {
    assert.equal(request.headers.authorization, 'Bearer secret')
    assert.equal(request.url, '/v1/chat/completions')
    seen.push(JSON.parse(body) as Record<string, unknown>)
    stream(response, WHOLE)
    response.end()
  })
  await runAll(
    loopback.engine,
    chat({ top_k: 3, stream: false, stream_options: { include_obfuscation: false } }),
  )
  await delay(10)
  await runAll(loopback.engine, chat({ max_completion_tokens: 500 }))
  await delay(10)
  await runAll(loopback.engine, chat({ max_tokens: 7, n_predict: -1 }))
  assert.deepEqual(seen[0], {
    model: 'own-id',
    messages: [{ role: 'user', content: 'SECRET PROMPT' }],
    top_k: 3,
    stream: true,
    stream_options: { include_obfuscation: false, include_usage: true },
    max_tokens: 100,
  })
  assert.equal(seen[1]?.max_completion_tokens, 100)
  assert.equal('max_tokens' in (seen[1] ?? {}), false)
  assert.deepEqual([seen[2]?.max_tokens, seen[2]?.n_predict], [7, 100])
  assert.equal(loopback.connections, 1)
})

test('without usage every chunk with text counts as one token, and the input by a low guess', async () => {
  await using loopback = await openLoopback((_request, response) => {
    stream(response, HEAD + chunk({ content: 'b' }) + chunk({ reasoning: 'c' }) + FINISH)
    response.end()
  })
  const usage = { inputTokens: 2, outputTokens: 3, cachedInputTokens: 0 }
  assert.deepEqual((await runAll(loopback.engine)).at(-1), {
    type: 'end',
    finishReason: 'stop',
    usage,
  })
})

test('usage on every chunk tells how many tokens each is worth', () => {
  const script =
    chunk({ content: 'a b c' }, null, { usage: { completion_tokens: 3 } }) +
    chunk({ content: 'd e' }, 'length', { usage: { completion_tokens: 5 } }) +
    DONE
  const events = decode([new TextEncoder().encode(script)])
  assert.deepEqual(
    events.map((event) => (event.type === 'delta' ? event.tokens : event.type)),
    [3, 2, 'end'],
  )
})

describe('an answer that is not whole is a fault, after what came before it', () => {
  test.each([
    ['an error event', `${HEAD}data: {"error":{"message":"CUDA died"}}\n\n${DONE}`, 'CUDA died'],
    ['a named error', `${HEAD}event: error\ndata: {"message":"oops"}\n\n`, 'oops'],
    ['a finish reason of error', HEAD + chunk({}, 'error'), undefined],
    ['broken JSON', `${HEAD}data: {"choices":\n\n`, undefined],
    ['an end without finish chunk', HEAD, undefined],
    ['[DONE] without finish chunk', HEAD + DONE, undefined],
    ['an event without end', `${HEAD}data: ${'x'.repeat(2 << 20)}`, undefined],
  ])('%s', async (_name, script, engineMessage) => {
    await using loopback = await openLoopback((_request, response) => {
      stream(response, script)
      response.end()
    })
    const seen: EngineEvent[] = []
    await assert.rejects(runAll(loopback.engine, chat(), seen), {
      code: 'HANSE_ENGINE_FAILED',
      engineMessage,
    })
    assert.equal(seen.filter(({ type }) => type === 'delta').length >= 2, true)
  })

  test('a connection cut in mid-answer', async () => {
    await using loopback = await openLoopback(async (_request, response) => {
      stream(response, HEAD)
      await delay(20)
      response.socket?.destroy()
    })
    await assert.rejects(runAll(loopback.engine), { code: 'HANSE_ENGINE_FAILED' })
  })

  test('JSON in place of a stream', async () => {
    await using loopback = await openLoopback((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"choices":[]}')
    })
    await assert.rejects(runAll(loopback.engine), { code: 'HANSE_ENGINE_FAILED' })
  })
})

test.each([
  [400, { error: { message: 'bad SECRET PROMPT' } }, 'HANSE_ENGINE_REFUSED'],
  [
    400,
    { error: { code: 'context_length_exceeded', message: 'x' } },
    'HANSE_ENGINE_CONTEXT_LENGTH',
  ],
  [
    400,
    { error: { type: 'exceed_context_size_error', message: 'x' } },
    'HANSE_ENGINE_CONTEXT_LENGTH',
  ],
  [
    400,
    { message: "This model's maximum context length is 512 tokens" },
    'HANSE_ENGINE_CONTEXT_LENGTH',
  ],
  [
    404,
    { error: { message: 'The model `x` does not exist.', code: 404 } },
    'HANSE_ENGINE_MODEL_UNKNOWN',
  ],
  [404, 'no page', 'HANSE_ENGINE_REFUSED'],
  [401, { error: 'key' }, 'HANSE_ENGINE_FAILED'],
  [429, {}, 'HANSE_ENGINE_UNAVAILABLE'],
  [500, { error: { message: 'broke' } }, 'HANSE_ENGINE_FAILED'],
  [503, {}, 'HANSE_ENGINE_UNAVAILABLE'],
])('an answer of %i %j is %s', async (status, body, code) => {
  await using loopback = await openLoopback((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await assert.rejects(
    runAll(loopback.engine),
    (error: Error & { code?: string; httpStatus?: number }) => {
      assert.equal(error.code, code)
      assert.equal(error.httpStatus, status)
      assert.doesNotMatch(error.message + JSON.stringify(error), /SECRET/)
      return true
    },
  )
})

test('an engine that is not there is unavailable', async () => {
  const loopback = await openLoopback(() => {})
  await loopback[Symbol.asyncDispose]()
  await using engine = new OpenAiEngine({ baseUrl: loopback.baseUrl })
  await assert.rejects(runAll(engine), { code: 'HANSE_ENGINE_UNAVAILABLE', retryable: true })
})

test('a kept connection that the engine closed meanwhile is replaced', async () => {
  await using loopback = await openLoopback((request, response) => {
    const served = (request.socket as { served?: boolean }).served === true
    if (served) {
      request.socket.destroy()
      return
    }
    Object.assign(request.socket, { served: true })
    stream(response, WHOLE)
    response.end()
  })
  for (let i = 0; i < 3; i++) {
    assert.equal((await runAll(loopback.engine)).at(-1)?.type, 'end')
    await delay(5)
  }
})

test('an abort after the answer, and closing right after it, disturb nobody', async () => {
  await using loopback = await openLoopback((_request, response) => {
    stream(response, WHOLE)
  })
  const abort = new AbortController()
  for await (const _ of loopback.engine.run(chat(), abort.signal));
  abort.abort(new Error('late'))
  await delay(10)
})

test('an abort after the answer leaves the next answer on the same connection alone', async () => {
  await using loopback = await openLoopback(async (_request, response) => {
    stream(response, HEAD)
    await delay(30)
    response.end(FINISH + DONE)
  })
  const abort = new AbortController()
  for await (const _ of loopback.engine.run(chat(), abort.signal));
  await delay(10)
  const next = runAll(loopback.engine)
  await delay(10)
  abort.abort(new Error('late'))
  assert.equal((await next).at(-1)?.type, 'end')
  assert.equal(loopback.connections, 1)
})

describe('the engine is told at once', () => {
  async function closedAfter(leave: (engine: OpenAiEngine) => Promise<void>): Promise<number> {
    const closed = Promise.withResolvers<number>()
    await using loopback = await openLoopback((request, response) => {
      request.socket.once('close', () => closed.resolve(performance.now()))
      stream(response, HEAD)
    })
    await leave(loopback.engine)
    const left = performance.now()
    return (await closed.promise) - left
  }

  test('when the caller aborts', async () => {
    const ms = await closedAfter(async (engine) => {
      const abort = new AbortController()
      await assert.rejects(
        async () => {
          for await (const [first] of engine.run(chat(), abort.signal)) {
            if (first?.type === 'delta') abort.abort(new Error('enough'))
          }
        },
        { message: 'enough' },
      )
    })
    assert.ok(ms < 100, `${ms} ms`)
  })

  test('when the reader goes away', async () => {
    const ms = await closedAfter(async (engine) => {
      for await (const [first] of engine.run(chat(), AbortSignal.timeout(5_000)))
        if (first?.type === 'delta') break
    })
    assert.ok(ms < 100, `${ms} ms`)
  })

  test('when the caller aborts before the answer begins', async () => {
    await using loopback = await openLoopback(() => {})
    const signal = AbortSignal.timeout(50)
    await assert.rejects(
      async () => {
        for await (const _ of loopback.engine.run(chat(), signal));
      },
      { name: 'TimeoutError' },
    )
  })
})

test('the models are listed with the context that the server tells of', async () => {
  await using loopback = await openLoopback((_request, response) => {
    const data = [
      { id: 'vllm', max_model_len: 8192 },
      { id: 'llama.cpp', meta: { n_ctx_train: 512 } },
      { id: 'ollama' },
      7,
    ]
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ object: 'list', data }))
  })
  const models = await loopback.engine.models()
  assert.deepEqual(
    models.map(({ id, contextLength }) => [id, contextLength]),
    [
      ['vllm', 8192],
      ['llama.cpp', 512],
      ['ollama', 4096],
    ],
  )
})

test.each([404, 405, 501])(
  'an engine whose tokenizer route answers %i serves all the same, within an upper bound',
  async (status) => {
    await using loopback = await openLoopback((request, response) => {
      const listed = request.url === '/v1/models'
      response.writeHead(listed ? 200 : status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(listed ? { data: [{ id: 'own-id', max_model_len: 80 }] } : {}))
    })
    await using engine = new OpenAiEngine({ baseUrl: loopback.baseUrl, program: 'vllm' })
    assert.equal(await engine.countInputTokens?.(chat()), 79)
  },
)

test('a prompt that the tokenizer refuses is not ordered', async () => {
  const message = "This model's maximum context length is 80 tokens."
  await using loopback = await openLoopback((_request, response) => {
    response.writeHead(400, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ error: { message } }))
  })
  await using engine = new OpenAiEngine({ baseUrl: loopback.baseUrl, program: 'vllm' })
  await assert.rejects(async () => await engine.countInputTokens?.(chat()), {
    code: 'HANSE_ENGINE_CONTEXT_LENGTH',
  })
})
