import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { type ClientOptions, createClient } from './client.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const problem = (status: number, code: string, headers: Record<string, string> = {}): Answer => {
  const body = {
    type: 'about:blank',
    title: 'Do this.',
    status,
    detail: 'That.',
    code,
    retry: true,
  }
  return (_request, response) =>
    response
      .writeHead(status, { 'content-type': 'application/problem+json', ...headers })
      .end(JSON.stringify(body))
}
const done: Answer = (_request, response) =>
  response.setHeader('content-type', 'application/json').end('{"id":"yes"}')
const hangUp: Answer = (request) => request.socket.destroy()

/** A client of a server that gives these answers, one after the other; the last one for ever. */
async function open(answers: readonly Answer[], options: Partial<ClientOptions> = {}) {
  const seen: { method: string; url: string; key: string | undefined; body: string }[] = []
  const waits: number[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const body = Buffer.concat(chunks).toString()
      seen.push({ method, url, key: headers['idempotency-key'] as string | undefined, body })
      const answer = answers[Math.min(seen.length, answers.length) - 1] ?? done
      answer(request, response)
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const client = createClient({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sleep: async (ms) => void waits.push(ms),
    random: () => 1,
    ...options,
  })
  return {
    client,
    seen,
    waits,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((closed) => {
        server.close(() => closed())
        server.closeAllConnections()
      }),
  }
}

const topUp = { body: { cents: '100', paymentMethod: 'pm_1' } }

test('what only reads is asked again when the service says', async () => {
  const busy = problem(503, 'HANSE_OVERLOADED', { 'retry-after': '2' })
  await using opened = await open([busy, hangUp, done])
  expect(await opened.client.get('/v1/balance')).toEqual({ id: 'yes' })
  expect(opened.waits).toEqual([2_000, 500])
})

test('tries of what moves money are one request, by its key', async () => {
  const busy = problem(503, 'HANSE_PAYMENTS_UNAVAILABLE')
  await using opened = await open([busy, hangUp, done])
  await opened.client.post('/v1/top-ups', topUp)
  await opened.client.post('/v1/top-ups', topUp)
  const [first, second, third, another] = opened.seen
  expect(first?.key).toMatch(/^[0-9a-f-]{36}$/u)
  expect([second?.key, third?.key]).toEqual([first?.key, first?.key])
  expect(third?.body).toBe(JSON.stringify(topUp.body))
  expect(another?.key).not.toBe(first?.key)
})

test('a key of the caller’s own is kept', async () => {
  await using opened = await open([done])
  await opened.client.post('/v1/top-ups', { ...topUp, headers: { 'idempotency-key': 'mine' } })
  expect(opened.seen[0]?.key).toBe('mine')
})

test('what is made, and what is removed and then not answered, is sent once', async () => {
  await using refusing = await open([problem(503, 'HANSE_OVERLOADED')])
  const made = { body: { name: 'x', amount: '1', window: { kind: 'day' as const } } }
  await expect(refusing.client.post('/v1/budgets', made)).rejects.toThrow('HANSE_OVERLOADED')
  expect(refusing.seen).toHaveLength(1)
  await using silent = await open([hangUp])
  const path = { params: { path: { id: 'x' } } }
  await expect(silent.client.delete('/v1/budgets/{id}', path)).rejects.toThrow('does not answer')
  expect(silent.seen).toHaveLength(1)
})

test('tries end, and so does patience', async () => {
  await using opened = await open([problem(429, 'HANSE_RATE_LIMITED', { 'retry-after': '1' })])
  await expect(opened.client.get('/v1/balance')).rejects.toMatchObject({
    code: 'HANSE_RATE_LIMITED',
    detail: 'That.',
    advice: 'Do this.',
    status: 429,
    retry: true,
    retryAfterMs: 1_000,
  })
  expect(opened.seen).toHaveLength(4)
  await using later = await open([problem(429, 'HANSE_RATE_LIMITED', { 'retry-after': '3600' })])
  await expect(later.client.get('/v1/balance')).rejects.toMatchObject({ retryAfterMs: 3_600_000 })
  expect(later.seen).toHaveLength(1)
})

test('a refusal is not tried again, and one that is no problem is told as such', async () => {
  await using opened = await open([problem(403, 'HANSE_FORBIDDEN')])
  await expect(opened.client.get('/v1/balance')).rejects.toMatchObject({ code: 'HANSE_FORBIDDEN' })
  expect(opened.seen).toHaveLength(1)
  await using proxy = await open([(_, response) => response.writeHead(500).end('<h1>Oops</h1>')])
  await expect(proxy.client.get('/v1/balance')).rejects.toMatchObject({
    code: 'HANSE_SETTLEMENT_UNAVAILABLE',
    status: 500,
  })
})

test('an abort ends a request, its waiting included, and is told as it was given', async () => {
  const reason = new Error('enough')
  const stop = new AbortController()
  await using opened = await open([problem(503, 'HANSE_OVERLOADED')], {
    sleep: async (_ms, signal) => {
      stop.abort(reason)
      signal.throwIfAborted()
    },
  })
  const asked = opened.client.get('/v1/balance', { signal: stop.signal })
  await expect(asked).rejects.toBe(reason)
  expect(opened.seen).toHaveLength(1)
})
