import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { hostname } from 'node:os'
import { test } from 'vitest'
import { isLocalHost } from './local-hosts.ts'
import { openGate } from './request-gate.ts'
import { openGateway } from './testing/open-gateway.ts'
import { ScriptedEngine } from './testing/scripted-engine.ts'

test.each([
  'localhost',
  'localhost:8787',
  'LOCALHOST',
  '127.0.0.1:8787',
  '[::1]:8787',
  '192.168.1.5',
  'hanse.localhost',
  'box.local',
  'host.docker.internal:8787',
  hostname(),
])('%s is a name of this machine', (host) => assert.equal(isLocalHost(host), true))

test.each([
  undefined,
  '',
  'evil.example',
  'evil.example:8787',
  'localhost.evil.example',
  'evil.example/localhost',
  'evil.example#.local',
  'user@evil.example',
  'a b',
])('%s is none', (host) => assert.equal(isLocalHost(host), false))

test('a page that had its own name point here is refused, unless it knows a key', async () => {
  await using open = await openGateway([new ScriptedEngine()])
  await using locked = await openGateway([new ScriptedEngine()], { gate: openGate('secret') })
  assert.equal(await statusOf(open.url, {}), 200)
  assert.equal(await statusOf(open.url, { host: 'evil.example' }), 403)
  const authorization = 'Bearer secret'
  assert.equal(await statusOf(locked.url, { host: 'evil.example', authorization }), 200)
})

async function statusOf(url: string, headers: Record<string, string>): Promise<number> {
  const [response] = (await once(get(`${url}/v1/models`, { headers }), 'response')) as [
    IncomingMessage,
  ]
  response.resume()
  return response.statusCode ?? 0
}
