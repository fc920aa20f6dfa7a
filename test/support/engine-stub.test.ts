import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type EngineStub, startEngineStub } from '@hanse/simulations/lab'
import { createParser } from 'eventsource-parser'
import { test } from 'vitest'

interface Chunk {
  readonly choices: readonly {
    readonly delta: { readonly role?: string; readonly content?: string }
    readonly finish_reason: string | null
  }[]
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number }
}

function chat(stub: EngineStub, more: object = {}, signal?: AbortSignal): Promise<Response> {
  return fetch(`${stub.url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'stub-model',
      messages: [{ role: 'user', content: 'three small words' }],
      ...more,
    }),
    ...(signal === undefined ? {} : { signal }),
  })
}

function eventsOf(text: string): string[] {
  const events: string[] = []
  createParser({ onEvent: ({ data }) => events.push(data) }).feed(text)
  return events
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < 500, `never: ${what}`)
    await sleep(10)
  }
}

test('a stream has a role, one chunk for each token, a finish, usage and an end', async () => {
  await using stub = await startEngineStub()
  const response = await chat(stub, {
    stream: true,
    max_tokens: 200,
    stream_options: { include_usage: true },
  })
  const events = eventsOf(await response.text())
  assert.equal(events.at(-1), '[DONE]')
  const chunks = events.slice(0, -1).map((data) => JSON.parse(data) as Chunk)
  assert.equal(chunks.length, 1 + 200 + 1 + 1)
  assert.equal(chunks[0]?.choices[0]?.delta.role, 'assistant')
  const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
  assert.equal(text, Array.from({ length: 200 }, (_, n) => ` t${n}`).join(''))
  assert.equal(chunks.at(-2)?.choices[0]?.finish_reason, 'length')
  assert.deepEqual(chunks.at(-1)?.choices, [])
  assert.equal(chunks.at(-1)?.usage?.completion_tokens, 200)
  assert.equal(chunks.at(-1)?.usage?.prompt_tokens, 3)
  assert.equal(stub.requests, 1)
  assert.equal(stub.aborted, 0)
})

test('an answer without a stream says the same, and usage is sent to who asks', async () => {
  await using stub = await startEngineStub({ tokens: 5 })
  const whole = (await (await chat(stub)).json()) as {
    choices: { message: { content: string }; finish_reason: string }[]
    usage: { completion_tokens: number }
  }
  assert.equal(whole.choices[0]?.message.content, ' t0 t1 t2 t3 t4')
  assert.equal(whole.choices[0]?.finish_reason, 'stop')
  assert.equal(whole.usage.completion_tokens, 5)
  const streamed = eventsOf(await (await chat(stub, { stream: true })).text())
  assert.equal(streamed.length, 1 + 5 + 1 + 1)
  assert.ok(!streamed.some((data) => data.includes('"usage"')))
})

test('it lists its model', async () => {
  await using stub = await startEngineStub({ model: 'other' })
  const list = (await (await fetch(`${stub.url}/models`)).json()) as { data: { id: string }[] }
  assert.deepEqual(
    list.data.map(({ id }) => id),
    ['other'],
  )
})

test('a paced stream takes its time, after its silence', async () => {
  await using stub = await startEngineStub({ tokensPerSecond: 100, firstTokenMs: 50 })
  const started = performance.now()
  const text = await (await chat(stub, { stream: true, max_tokens: 16 })).text()
  // Timers may fire up to a millisecond early; nothing is said of how late.
  assert.ok(performance.now() - started >= 50 + 15 * 10 - 5)
  assert.equal(eventsOf(text).length, 1 + 16 + 1 + 1)
})

test('a request may set its own pace', async () => {
  await using stub = await startEngineStub()
  const started = performance.now()
  await (await chat(stub, { stream: true, max_tokens: 11, tokens_per_second: 100 })).text()
  assert.ok(performance.now() - started >= 10 * 10 - 5)
})

test('a client that goes away stops its answer', async () => {
  await using stub = await startEngineStub({ tokensPerSecond: 100 })
  const gone = new AbortController()
  const response = await chat(stub, { stream: true, max_tokens: 100_000 }, gone.signal)
  await response.body?.getReader().read()
  gone.abort()
  await until('the stub notices', () => stub.aborted === 1)
})

test('a client that does not read holds the stub back, and one that then leaves is counted', async () => {
  await using stub = await startEngineStub()
  const gone = new AbortController()
  // Some 300 MiB, which the stub would have to keep if it did not wait.
  const response = await chat(stub, { stream: true, max_tokens: 2_000_000 }, gone.signal)
  assert.equal(response.status, 200)
  await sleep(200)
  assert.ok(process.memoryUsage().rss < 1 << 30)
  gone.abort()
  await until('the stub notices', () => stub.aborted === 1)
})

test('it fails on request: with a status, or in the middle of an answer', async () => {
  await using refusing = await startEngineStub({ status: 503 })
  assert.equal((await chat(refusing, { stream: true })).status, 503)
  await using failing = await startEngineStub({ failAfter: 3 })
  const response = await chat(failing, { stream: true, max_tokens: 10 })
  await assert.rejects(response.text())
  assert.equal(failing.aborted, 0)
})
