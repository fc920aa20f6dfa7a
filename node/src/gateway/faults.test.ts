import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { PROMPT_BYTES_MAX } from '@hanse/protocol'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { EngineError } from '../engine/index.ts'
import { openGate } from './request-gate.ts'
import { openGateway, type TestGateway } from './testing/open-gateway.ts'
import { readStream } from './testing/read-stream.ts'
import { delta, MODEL, ScriptedEngine, saying } from './testing/scripted-engine.ts'

const engine = new ScriptedEngine()
let gateway: TestGateway
let locked: TestGateway

beforeAll(async () => {
  gateway = await openGateway([engine], { settings: { keepAliveMs: 20, headAfterMs: 0 } })
  locked = await openGateway([engine], { gate: openGate('secret') })
})
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]()
  await locked?.[Symbol.asyncDispose]()
})

const chat = (content: unknown, more: object = {}) => ({
  model: MODEL,
  messages: [{ role: 'user', content }],
  ...more,
})
const PATH = '/v1/chat/completions'

interface Refusal {
  readonly status: number
  readonly headers: Headers
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string
  }
}

async function refusal(sent: Promise<Response>): Promise<Refusal> {
  const response = await sent
  const { error } = (await response.json()) as Refusal
  return { status: response.status, headers: response.headers, error }
}

/** Until somebody says that it happened. */
function event(): { readonly happened: Promise<void>; readonly tell: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { happened: promise, tell: resolve }
}

describe('before the first token a fault has its own status', () => {
  test('and its own code, type and field', async () => {
    const { status, error, headers } = await refusal(
      gateway.post(PATH, chat('hi', { max_tokens: -1 })),
    )
    assert.deepEqual(
      [status, error.type, error.param],
      [400, 'invalid_request_error', 'max_tokens'],
    )
    assert.equal(error.code, 'HANSE_REQUEST_INVALID')
    assert.match(headers.get('x-request-id') ?? '', /^req_[0-9a-f]{32}$/u)
    assert.equal(headers.get('x-should-retry'), 'false')
  })

  test.each<[string, unknown, Record<string, string>, number, string]>([
    ['no JSON', '{', {}, 400, 'HANSE_REQUEST_JSON'],
    ['an empty body', '', {}, 400, 'HANSE_REQUEST_JSON'],
    ['another type', 'a=b', { 'content-type': 'text/plain' }, 400, 'HANSE_REQUEST_JSON'],
    ['an unknown model', { ...chat('hi'), model: 'no/such' }, {}, 404, 'HANSE_MODEL_UNKNOWN'],
    [
      'a price that nobody has',
      chat('hi'),
      { 'x-hanse-max-input-price': '0' },
      503,
      'HANSE_NO_PROVIDER',
    ],
    [
      'a body beyond the limit',
      'x'.repeat(PROMPT_BYTES_MAX + 1),
      {},
      413,
      'HANSE_REQUEST_TOO_LARGE',
    ],
    [
      'a wrong idempotency key',
      chat('hi'),
      { 'idempotency-key': 'a b' },
      400,
      'HANSE_IDEMPOTENCY_KEY',
    ],
  ])('%s', async (_, body, headers, status, code) => {
    for (const stream of [true, false]) {
      const sent = typeof body === 'string' ? body : { ...(body as object), stream }
      const refused = await refusal(gateway.post(PATH, sent, headers))
      assert.deepEqual([refused.status, refused.error.code], [status, code], refused.error.message)
    }
  })

  test('that an engine finds, too', async () => {
    engine.on('refuse', () => {
      throw new EngineError('HANSE_ENGINE_REFUSED', 'the engine refused the request (400)')
    })
    const { status, error } = await refusal(gateway.post(PATH, chat('refuse', { stream: true })))
    assert.deepEqual([status, error.code], [400, 'HANSE_ENGINE_REFUSED'])
  })

  test('also when the first thing that a provider sends is an error', async () => {
    engine.on('bad start', () => [{ error: { message: 'secret words' } }])
    const { status, error } = await refusal(gateway.post(PATH, chat('bad start', { stream: true })))
    assert.deepEqual([status, error.code], [502, 'HANSE_ENGINE_FAILED'])
    assert.doesNotMatch(error.message, /secret/u)
  })

  test('as a missing or wrong key has, on every path', async () => {
    for (const headers of [{}, { authorization: 'Bearer wrong' }] as Record<string, string>[]) {
      const { status, error } = await refusal(locked.post(PATH, chat('hi'), headers))
      assert.deepEqual([status, error.type], [401, 'authentication_error'])
    }
    assert.equal((await fetch(`${locked.url}/v1/models`)).status, 401)
    assert.equal((await fetch(`${locked.url}/nowhere`)).status, 401)
    assert.equal((await fetch(`${locked.url}/healthz`)).status, 200)
    for (const headers of [{ authorization: 'bearer secret' }, { 'x-api-key': 'secret' }])
      assert.equal((await fetch(`${locked.url}/v1/models`, { headers })).status, 200)
  })

  test('of a picture that would have to be fetched', async () => {
    for (const url of [
      'https://example.com/a.png',
      'http://169.254.169.254/',
      'file:///etc/passwd',
    ]) {
      const { status, error } = await refusal(
        gateway.post(PATH, chat([{ type: 'image_url', image_url: { url } }])),
      )
      assert.deepEqual([status, error.param], [400, 'messages.0.content.0.image_url'])
    }
  })

  test('and a body of any kind is answered, never with a fault of ours', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(PATH, '/v1/completions', '/v1/embeddings'),
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.record({ model: fc.jsonValue(), messages: fc.jsonValue() }),
        ),
        async (path, body) => {
          const { status, error } = await refusal(gateway.post(path, body))
          assert.ok(status >= 400 && status < 500, `${status} ${error.code}`)
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('what is not there', () => {
  test.each([
    ['GET', PATH, 405, /only POST/u],
    ['DELETE', '/v1/models', 405, /only GET, HEAD/u],
    ['PUT', `/v1/models/${MODEL}`, 405, /only GET, HEAD/u],
    ['POST', '/v1/responses', 404, /use POST \/v1\/chat\/completions/u],
    ['POST', '/v1/messages', 404, /use POST \/v1\/chat\/completions/u],
    ['POST', '/v1/messages/count_tokens', 404, /chat\/completions/u],
    ['POST', '/chat/completions', 404, /ends with \/v1/u],
    ['GET', '/nowhere?key=secret', 404, /GET \/nowhere does not exist/u],
  ])('%s %s says what is: %i', async (method, path, status, message) => {
    const refused = await refusal(fetch(gateway.url + path, { method }))
    assert.equal(refused.status, status)
    assert.match(refused.error.message, message)
    assert.equal(refused.headers.has('allow'), status === 405)
  })
})

test('the id of a request is the client’s own where it can stand in a header', async () => {
  const id = async (given: string) =>
    (await fetch(`${gateway.url}/v1/models`, { headers: { 'x-request-id': given } })).headers.get(
      'x-request-id',
    )
  assert.equal(await id('trace-1:a.b_c'), 'trace-1:a.b_c')
  assert.match((await id('a b')) ?? '', /^req_/u)
  assert.match((await id('x'.repeat(129))) ?? '', /^req_/u)
})

describe('in the middle of a stream', () => {
  test.each<[string, () => Iterable<unknown>]>([
    [
      'an engine that breaks',
      () => {
        throw new EngineError('HANSE_ENGINE_FAILED', 'the engine broke off its answer')
      },
    ],
    ['an end without a finish chunk', () => []],
    ['an error among the chunks', () => [{ error: 'oom' }]],
    ['an end that a provider forged', () => [new TextEncoder().encode('{}\n\ndata: [DONE]')]],
  ])('%s is an error event, and nothing looks whole', async (name, end) => {
    const begun = event()
    engine.on(name, async function* () {
      yield* [...saying('a', 'b')].slice(0, 3)
      await begun.happened
      yield* end()
    })
    const response = await gateway.post(PATH, chat(name, { stream: true }))
    begun.tell()
    assert.equal(response.status, 200)
    const { text, finish, done, error } = await readStream(response)
    assert.deepEqual([text, finish, done], ['ab', null, false])
    assert.equal(error?.code, 'HANSE_ENGINE_FAILED')
    assert.equal(error?.type, 'server_error')
    const { status } = await refusal(gateway.post(PATH, chat(name)))
    assert.equal(status, 502)
  })

  test('a role that was not said, and events that are none, are put right', async () => {
    engine.on('odd', () => [{ ping: 1 }, delta({ content: 'a' }), { type: 'x' }, delta({}, 'stop')])
    const { events, done } = await readStream(
      await gateway.post(PATH, chat('odd', { stream: true })),
    )
    const deltas = events.map((each) => (each.choices as { delta: object }[])[0]?.delta)
    assert.deepEqual(deltas, [{ role: 'assistant', content: '' }, { content: 'a' }, {}])
    assert.ok(done)
  })

  test('silence is filled with comments', async () => {
    const heard = event()
    engine.on('slow', async function* () {
      yield delta({ role: 'assistant', content: '' })
      await heard.happened
      yield delta({ content: 'late' })
      yield delta({}, 'stop')
    })
    const response = await gateway.post(PATH, chat('slow', { stream: true }))
    const [one, other] = response.body?.tee() ?? []
    const decoder = new TextDecoder()
    let seen = ''
    for await (const bytes of one ?? []) {
      seen += decoder.decode(bytes, { stream: true })
      if (seen.includes(': keep-alive\n\n')) heard.tell()
    }
    const { text, done } = await readStream(new Response(other ?? null))
    assert.deepEqual([text, done], ['late', true])
  })
})

test('a server ends though somebody is connected who never asked for anything', async () => {
  const ending = await openGateway([engine])
  const { hostname, port } = new URL(ending.url)
  const silent = connect(Number(port), hostname)
  await once(silent, 'connect')
  // The server has met it by the time that it has answered somebody who came later.
  await (await fetch(`${ending.url}/healthz`)).text()
  const closed = once(silent, 'close')
  await ending[Symbol.asyncDispose]()
  await closed
})

describe('a stream whose first token is long in coming', () => {
  let patient: TestGateway
  const slow = new ScriptedEngine()
  beforeAll(async () => {
    patient = await openGateway([slow], { settings: { keepAliveMs: 20, headAfterMs: 20 } })
  })
  afterAll(async () => await patient?.[Symbol.asyncDispose]())

  test('has its head sent before, and then its answer', async () => {
    const begun = event()
    slow.on('x', async function* () {
      await begun.happened
      yield* saying('a')
    })
    const response = await patient.post(PATH, chat('x', { stream: true }))
    assert.equal(response.status, 200)
    begun.tell()
    const { text, done, comments } = await readStream(response)
    assert.deepEqual([text, done, comments[0]], ['a', true, 'keep-alive'])
  })

  test('or its error, as an event', async () => {
    const begun = event()
    slow.on('y', async function* () {
      await begun.happened
      yield* []
      throw new EngineError('HANSE_ENGINE_REFUSED', 'no')
    })
    const response = await patient.post(PATH, chat('y', { stream: true }))
    begun.tell()
    const { done, error } = await readStream(response)
    assert.deepEqual([done, error?.code], [false, 'HANSE_ENGINE_REFUSED'])
  })

  test('while what does not stream has a status of its own, however long it takes', async () => {
    slow.on('z', async function* () {
      await new Promise((resolve) => setTimeout(resolve, 50))
      yield* []
      throw new EngineError('HANSE_ENGINE_REFUSED', 'no')
    })
    assert.equal((await refusal(patient.post(PATH, chat('z')))).status, 400)
  })
})

describe('a client that goes away stops the engine', () => {
  const moments: readonly [string, boolean, number][] = [
    ['before the first token', true, 0],
    ['in mid-stream', true, 2],
    ['while it waits for a document', false, 2],
  ]
  test.each(moments)('%s', async (name, stream, tokens) => {
    const [begun, stopped] = [event(), event()]
    engine.on(name, async function* (_request, signal) {
      try {
        yield* [...saying('a', 'b')].slice(0, tokens)
        begun.tell()
        await new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        })
      } finally {
        stopped.tell()
      }
    })
    const gone = new AbortController()
    const response = fetch(gateway.url + PATH, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(chat(name, { stream })),
      signal: gone.signal,
    })
    const failed = assert.rejects(async () => await (await response).text())
    await begun.happened
    gone.abort()
    await stopped.happened
    await failed
  })
})
