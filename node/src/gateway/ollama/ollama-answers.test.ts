import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { EngineError } from '../../engine/index.ts'
import { openGate } from '../request-gate.ts'
import { openGateway, type TestGateway } from '../testing/open-gateway.ts'
import { delta, MODEL, piece, ScriptedEngine, saying, usage } from '../testing/scripted-engine.ts'

const engine = new ScriptedEngine()
let gateway: TestGateway
let locked: TestGateway

beforeAll(async () => {
  gateway = await openGateway([engine])
  locked = await openGateway([engine], { gate: openGate('secret') })
})
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]()
  await locked?.[Symbol.asyncDispose]()
})

interface Line {
  readonly model: string
  readonly created_at: string
  readonly message: Record<string, unknown>
  readonly response?: string
  readonly thinking?: string
  readonly done: boolean
  readonly error?: string
  readonly [more: string]: unknown
}

const chat = (content: string, more: object = {}) => ({
  model: MODEL,
  messages: [{ role: 'user', content }],
  ...more,
})

async function linesOf(path: string, body: object): Promise<Line[]> {
  const response = await gateway.post(path, body)
  const text = await response.text()
  assert.equal(response.status, 200, text)
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson')
  assert.ok(text.endsWith('\n'))
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}

async function documentOf(path: string, body: object): Promise<Line> {
  const response = await gateway.post(path, { ...body, stream: false })
  const document = (await response.json()) as Line
  assert.equal(response.status, 200, JSON.stringify(document))
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/u)
  return document
}

async function refusal(sent: Promise<Response>): Promise<{ status: number; error: unknown }> {
  const response = await sent
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/u)
  const { error } = (await response.json()) as { error: unknown }
  return { status: response.status, error }
}

describe('a chat', () => {
  test('streams lines unless it is told not to, and the last one counts', async () => {
    const lines = await linesOf('/api/chat', chat('hi'))
    assert.deepEqual(
      lines.map(({ message, done }) => [message, done]),
      [
        [{ role: 'assistant', content: 'Hel' }, false],
        [{ role: 'assistant', content: 'lo' }, false],
        [{ role: 'assistant', content: '' }, true],
      ],
    )
    const last = lines.at(-1)
    assert.deepEqual(
      [last?.model, last?.done_reason, last?.prompt_eval_count, last?.eval_count],
      [MODEL, 'stop', 5, 2],
    )
    for (const duration of ['total_duration', 'prompt_eval_duration', 'eval_duration'])
      assert.ok(Number.isInteger(last?.[duration]) && (last?.[duration] as number) >= 0, duration)
    assert.ok(!Number.isNaN(Date.parse(last?.created_at ?? '')))
  })

  test('is one document when it is told so', async () => {
    const { message, done, done_reason, eval_count } = await documentOf('/api/chat', chat('hi'))
    assert.deepEqual(message, { role: 'assistant', content: 'Hello' })
    assert.deepEqual([done, done_reason, eval_count], [true, 'stop', 2])
  })

  test('says who answered, as any answer does', async () => {
    const { headers } = await gateway.post('/api/chat', chat('hi'))
    assert.equal(headers.get('x-hanse-provider'), gateway.market.providers[0])
    assert.match(headers.get('x-request-id') ?? '', /^req_/u)
  })

  test('keeps its thoughts apart, whatever the engine calls them', async () => {
    for (const name of ['reasoning', 'reasoning_content']) {
      engine.on(name, () => [
        delta({ role: 'assistant', [name]: 'Let ' }),
        delta({ [name]: 'me.' }),
        delta({ content: 'Yes' }),
        delta({}, 'stop'),
        usage(3),
      ])
      const lines = await linesOf('/api/chat', chat(name))
      assert.deepEqual(
        lines.map(({ message }) => message.thinking ?? null),
        ['Let ', 'me.', null, null],
      )
      const { message } = await documentOf('/api/chat', chat(name))
      assert.deepEqual(message, { role: 'assistant', content: 'Yes', thinking: 'Let me.' })
    }
  })

  test('calls tools whole, before its last line', async () => {
    const call = (index: number, fields: object) => delta({ tool_calls: [{ index, ...fields }] })
    engine.on('weather', () => [
      delta({ role: 'assistant', content: null }),
      call(0, { id: 'a', type: 'function', function: { name: 'weather', arguments: '{"ci' } }),
      call(0, { function: { arguments: 'ty":"Bonn"}' } }),
      call(1, { id: 'b', type: 'function', function: { name: 'time', arguments: '' } }),
      delta({}, 'tool_calls'),
      usage(4),
    ])
    const calls = [
      { id: 'a', function: { name: 'weather', arguments: { city: 'Bonn' } } },
      { id: 'b', function: { name: 'time', arguments: {} } },
    ]
    const lines = await linesOf('/api/chat', chat('weather'))
    assert.deepEqual(lines[0]?.message.tool_calls, calls)
    assert.deepEqual([lines.length, lines[1]?.done, lines[1]?.done_reason], [2, true, 'stop'])
    const { message } = await documentOf('/api/chat', chat('weather'))
    assert.deepEqual(message.tool_calls, calls)
  })

  test('that was cut at its limit says so, and has its probabilities', async () => {
    const marks = [{ token: 'a', logprob: -0.1, bytes: [97], top_logprobs: [] }]
    engine.on('short', () => [
      delta({ content: 'a' }, null, { logprobs: { content: marks } }),
      delta({}, 'length'),
    ])
    const [first, last] = await linesOf('/api/chat', chat('short'))
    assert.deepEqual([first?.logprobs, last?.done_reason, last?.eval_count], [marks, 'length', 1])
  })
})

describe('a generation', () => {
  test('is a chat, with its system and its picture', async () => {
    engine.bodies.length = 0
    const body = { model: MODEL, prompt: 'hi', system: 'Be brief.', images: ['iVBORw0KGgo='] }
    const lines = await linesOf('/api/generate', body)
    assert.deepEqual(
      lines.map(({ response }) => response),
      ['Hel', 'lo', ''],
    )
    assert.deepEqual(engine.bodies[0]?.messages, [
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'hi' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
        ],
      },
    ])
    assert.equal((await documentOf('/api/generate', body)).response, 'Hello')
  })

  test('that is raw, or has a suffix, is a completion, and no longer cut than Ollama’s', async () => {
    engine.on('raw', () => [piece('1'), piece('2', 'stop'), usage(2)])
    for (const more of [{ raw: true }, { suffix: '}' }]) {
      engine.bodies.length = 0
      const { response } = await documentOf('/api/generate', {
        model: MODEL,
        prompt: 'raw',
        ...more,
      })
      assert.equal(response, '12')
      assert.equal(engine.bodies[0]?.max_tokens, 2048)
      assert.equal(engine.bodies[0].prompt, 'raw')
    }
  })

  test('for nothing loads a model, as a chat for nothing does', async () => {
    const generated = await documentOf('/api/generate', { model: MODEL })
    assert.deepEqual([generated.response, generated.done_reason], ['', 'load'])
    const chatted = await documentOf('/api/chat', { model: MODEL, messages: [], keep_alive: 0 })
    assert.deepEqual([chatted.message.content, chatted.done_reason], ['', 'unload'])
    const { status } = await refusal(gateway.post('/api/generate', { model: 'no/such' }))
    assert.equal(status, 404)
  })
})

describe('embeddings', () => {
  test('come in the new shape and in the old one', async () => {
    const item = (index: number, embedding: number[]) => ({ object: 'embedding', index, embedding })
    engine.on('x', () => [{ data: [item(0, [1, -2]), item(1, [0.5, 0])], usage: COUNTED }])
    const many = await documentOf('/api/embed', { model: MODEL, input: ['y', 'x'] })
    assert.deepEqual(many.embeddings, [
      [1, -2],
      [0.5, 0],
    ])
    assert.equal(many.prompt_eval_count, 5)
    assert.deepEqual(await documentOf('/api/embeddings', { model: MODEL, prompt: 'x' }), {
      embedding: [1, -2],
    })
  })
})
const COUNTED = { prompt_tokens: 5, total_tokens: 5 }

describe('what goes wrong is a text', () => {
  test.each<[string, string, unknown, number, RegExp]>([
    ['an unknown model', '/api/chat', chat('hi', { model: 'no/such' }), 404, /no\/such/u],
    ['no model', '/api/chat', { messages: [] }, 400, /model/u],
    ['no JSON', '/api/generate', '{', 400, /JSON/u],
    ['no messages', '/api/chat', { model: MODEL }, 400, /messages/u],
    [
      'an option of the wrong kind',
      '/api/chat',
      chat('hi', { options: { stop: 1 } }),
      400,
      /refused/u,
    ],
    [
      'a template',
      '/api/generate',
      { model: MODEL, prompt: 'x', template: '{{}}' },
      400,
      /template/u,
    ],
    [
      'a picture that is none',
      '/api/chat',
      { model: MODEL, messages: [{ images: [1] }] },
      400,
      /images/u,
    ],
    ['what changes a machine', '/api/create', { model: 'x' }, 403, /providers/u],
    ['to show what nobody has', '/api/show', { model: 'no/such' }, 404, /not found/u],
    ['to pull what nobody has', '/api/pull', { model: 'no/such' }, 404, /not found/u],
    ['to embed with nobody’s', '/api/embed', { model: 'no/such', input: 'x' }, 404, /no\/such/u],
    ['what is not there', '/api/blobs/sha256', {}, 404, /does not exist/u],
  ])('%s', async (_, path, body, status, words) => {
    engine.on('hi', ({ body: sent }) => {
      if (new TextDecoder().decode(sent).includes('"stop":1'))
        throw new EngineError('HANSE_ENGINE_REFUSED', 'stop must be text')
      return saying('Hel', 'lo')
    })
    const { status: said, error } = await refusal(gateway.post(path, body))
    assert.equal(said, status)
    assert.match(error as string, words)
  })

  test('also without a key, and of another page', async () => {
    for (const path of ['/api/chat', '/api/tags']) {
      const method = path === '/api/tags' ? 'GET' : 'POST'
      const { status, error } = await refusal(fetch(locked.url + path, { method }))
      assert.deepEqual([status, typeof error], [401, 'string'])
    }
    const headers = { 'content-type': 'text/plain', origin: 'https://elsewhere.example' }
    const { status } = await refusal(gateway.post('/api/chat', chat('hi'), headers))
    assert.equal(status, 400)
  })

  test('in mid-stream it is a line, and nothing looks whole', async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    engine.on('break', async function* () {
      yield delta({ role: 'assistant', content: 'Half' })
      await begun
      throw new EngineError('HANSE_ENGINE_FAILED', 'secret words')
    })
    const response = await gateway.post('/api/chat', chat('break'))
    assert.equal(response.status, 200)
    begin()
    const lines = (await response.text()).trimEnd().split('\n')
    assert.equal(lines.length, 2)
    const { error, done } = JSON.parse(lines[1] ?? '') as Line
    assert.equal(done, undefined)
    assert.match(error ?? '', /engine/u)
    assert.doesNotMatch(error ?? '', /secret/u)
    const document = await refusal(gateway.post('/api/chat', chat('break', { stream: false })))
    assert.deepEqual([document.status, typeof document.error], [502, 'string'])
  })
})

test('a client that goes away stops the engine', async () => {
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>()
  engine.on('forever', async function* (_request, signal) {
    yield delta({ role: 'assistant', content: 'a' })
    signal.addEventListener('abort', () => stop())
    await stopped
  })
  const gone = new AbortController()
  const response = await fetch(`${gateway.url}/api/chat`, {
    method: 'POST',
    body: JSON.stringify(chat('forever')),
    signal: gone.signal,
  })
  assert.equal(response.status, 200)
  gone.abort()
  await stopped
})

describe('models', () => {
  test('are listed, shown and pulled by the name that they are offered by', async () => {
    const tags = (await (await fetch(`${gateway.url}/api/tags`)).json()) as {
      models: Record<string, unknown>[]
    }
    assert.equal(tags.models.length, 1)
    const [model] = tags.models
    assert.deepEqual([model?.name, model?.model, model?.digest], [MODEL, MODEL, '0'.repeat(64)])
    const details = model?.details as Record<string, unknown> | undefined
    assert.equal(details?.quantization_level, 'Q8_0')
    for (const name of [MODEL, `${MODEL}:latest`]) {
      const shown = await documentOf('/api/show', { model: name })
      assert.deepEqual(shown.capabilities, ['completion', 'embedding', 'tools', 'vision'])
      assert.equal((shown.model_info as object)['scripted.context_length' as never], 100_000)
      assert.deepEqual(await documentOf('/api/pull', { name }), { status: 'success' })
      const { model: called } = await documentOf('/api/chat', chat('hi', { model: name }))
      assert.equal(called, name)
    }
  })

  test('and the rest of what clients ask about', async () => {
    const read = async (path: string) => await (await fetch(gateway.url + path)).text()
    assert.equal(await read('/'), 'Ollama is running')
    assert.equal((await fetch(gateway.url, { method: 'HEAD' })).status, 200)
    assert.match((JSON.parse(await read('/api/version')) as Line).version as string, /^\d+\.\d+/u)
    assert.deepEqual(JSON.parse(await read('/api/ps')), { models: [] })
  })
})
