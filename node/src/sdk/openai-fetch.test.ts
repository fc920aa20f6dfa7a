import assert from 'node:assert/strict'
import { HanseError } from '@hanse/protocol'
import { describe, test } from 'vitest'
import type { HandleOptions, OpenAiService } from '../openai/service.ts'
import { Calls } from './calls.ts'
import { openAiFetch } from './openai-fetch.ts'

const URL = 'http://hanse.invalid/v1/chat/completions'
const POST = { method: 'POST', body: '{}' }
const PIECES = 100

/** Answers every request with a hundred pieces, and counts those that were taken. */
class Source implements Pick<OpenAiService, 'handle'> {
  taken = 0
  ended = false
  signal: AbortSignal | undefined

  async handle(_kind: unknown, _body: unknown, _headers: unknown, { signal }: HandleOptions) {
    this.signal = signal
    const headers = { 'content-type': 'text/event-stream' }
    return { status: 200, headers, body: this.#pieces() }
  }

  async *#pieces(): AsyncGenerator<Uint8Array> {
    try {
      for (; this.taken < PIECES; this.taken++) yield Uint8Array.of(this.taken)
    } finally {
      this.ended = true
    }
  }
}

function open(): { source: Source; calls: Calls; fetch: typeof globalThis.fetch } {
  const source = new Source()
  const calls = new Calls()
  const match = async () => ({ candidates: [], excluded: [] })
  return { source, calls, fetch: openAiFetch({ service: source, match, calls }) }
}

/** Everything that could go on by itself has done so. */
const settled = async () => await new Promise((resolve) => setImmediate(resolve))

describe('the body of a stream', () => {
  test('is taken piece by piece, as it is read', async () => {
    const { source, fetch } = open()
    const reader = (await fetch(URL, POST)).body?.getReader()
    await settled()
    assert.equal(source.taken, 0)
    assert.deepEqual((await reader?.read())?.value, Uint8Array.of(0))
    await reader?.read()
    await settled()
    assert.equal(source.taken, 1, 'the second is being held')
    let rest = 0
    while ((await reader?.read())?.done === false) rest++
    assert.equal(rest, PIECES - 2)
  })

  test('that is cancelled ends the request', async () => {
    const { source, fetch } = open()
    const reader = (await fetch(URL, POST)).body?.getReader()
    await reader?.read()
    await reader?.cancel()
    await settled()
    assert.equal(source.signal?.aborted, true)
    assert.equal(source.ended, true)
  })

  test('breaks when its request is aborted, as that of any fetch', async () => {
    const { source, fetch } = open()
    const gone = new AbortController()
    const response = await fetch(URL, { ...POST, signal: gone.signal })
    const reader = response.body?.getReader()
    await reader?.read()
    gone.abort()
    await assert.rejects(async () => await reader?.read(), { name: 'AbortError' })
    assert.equal(source.signal?.aborted, true)
  })
})

test('a request that is aborted before it has begun rejects with the reason', async () => {
  const { fetch } = open()
  const reason = new Error('mine')
  await assert.rejects(fetch(URL, { ...POST, signal: AbortSignal.abort(reason) }), reason)
})

test('what is not there, and what the market does not tell, are answers with a status', async () => {
  const { fetch } = open()
  for (const [path, method, status, code] of [
    ['/v1/files', 'GET', 404, 'HANSE_NOT_FOUND'],
    ['/v1/chat/completions', 'GET', 404, 'HANSE_NOT_FOUND'],
    ['/elsewhere', 'GET', 404, 'HANSE_NOT_FOUND'],
    ['/v1/models/no%2Fsuch', 'GET', 404, 'HANSE_MODEL_UNKNOWN'],
  ] as const) {
    const response = await fetch(`http://hanse.invalid${path}`, { method })
    assert.equal(response.status, status, path)
    assert.equal(((await response.json()) as { error: { code: string } }).error.code, code)
    assert.ok(response.headers.get('x-request-id'))
  }
  const offline = openAiFetch({
    service: new Source(),
    calls: new Calls(),
    match: async () => {
      throw new HanseError('HANSE_CAPACITY', 'busy')
    },
  })
  assert.equal((await offline('http://hanse.invalid/v1/models')).status, 429)
})
