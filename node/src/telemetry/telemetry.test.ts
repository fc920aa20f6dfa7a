import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, test } from 'vitest'
import { openTelemetry, type TelemetrySettings } from './telemetry.ts'
import { contextOf, traceparentOf } from './trace-context.ts'

const IDENTITY = { service: 'hanse-gateway', version: '1.2.3', peerId: 'peer' }
const PARENT = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`

let server: Server
let received: { request: IncomingMessage; body: string }[]
let settings: TelemetrySettings & { readonly otlpEndpoint: string }

beforeEach(async () => {
  received = []
  server = createServer((request, response) => {
    void (async () => {
      const parts: Buffer[] = []
      for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
      received.push({ request, body: Buffer.concat(parts).toString() })
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  settings = {
    otlpEndpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    otlpHeaders: 'authorization=Bearer a=b, x-tenant = us ,broken',
    traceSamplePercent: 100,
    metricsEveryMs: 60_000,
  }
})

afterEach(async () => {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
})

/** Opens the export, makes a span below `parent`, and closes it again. */
async function exportSpan(parent?: string): Promise<void> {
  await using telemetry = await openTelemetry(settings, IDENTITY)
  assert.ok(telemetry !== undefined)
  telemetry.meter.createCounter('things').add(1)
  telemetry.tracer.startSpan('work', {}, contextOf(parent)).end()
}

describe('the export', () => {
  test('is off where no server is named', async () => {
    assert.equal(await openTelemetry({ ...settings, otlpEndpoint: undefined }, IDENTITY), undefined)
  })

  test('sends what is left when it is closed, with the headers and the identity', async () => {
    await exportSpan()
    const paths = received.map(({ request }) => request.url)
    assert.deepEqual(new Set(paths), new Set(['/v1/traces', '/v1/metrics']))
    for (const { request, body } of received) {
      assert.equal(request.headers.authorization, 'Bearer a=b')
      assert.equal(request.headers['x-tenant'], 'us')
      for (const word of ['hanse-gateway', '1.2.3', 'peer']) assert.ok(body.includes(word))
    }
  })

  test('leaves out what is not sampled, unless the client’s own trace is', async () => {
    settings = { ...settings, traceSamplePercent: 0 }
    await exportSpan()
    assert.ok(received.every(({ request }) => request.url !== '/v1/traces'))
    await exportSpan(PARENT)
    const traced = received.filter(({ request }) => request.url === '/v1/traces')
    assert.equal(traced.length, 1)
    assert.ok(traced[0]?.body.includes('ab'.repeat(16)))
  })

  test('closes also when its server is gone', async () => {
    server.close()
    await once(server, 'close')
    await exportSpan()
  })
})

test.each([
  undefined,
  null,
  '',
  'no',
  `00-${'0'.repeat(32)}-${'cd'.repeat(8)}-01`,
  `ff-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`,
])('a traceparent of %j begins a trace of its own', async (given) => {
  await using telemetry = await openTelemetry(settings, IDENTITY)
  assert.ok(telemetry !== undefined)
  const span = telemetry.tracer.startSpan('work', {}, contextOf(given))
  span.end()
  assert.match(traceparentOf(span), /^00-(?!0{32})(?!(?:ab){16})[0-9a-f]{32}-[0-9a-f]{16}-01$/u)
})
