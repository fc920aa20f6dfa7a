import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Network, openNetwork } from './index.ts'

let stack = new AsyncDisposableStack()

beforeEach(() => {
  stack = new AsyncDisposableStack()
})
afterEach(async () => await stack.disposeAsync())

async function openPeer(listen: string[]): Promise<Network> {
  return stack.use(
    await openNetwork({
      privateKey: await generateKeyPair('Ed25519'),
      listen,
      lan: true,
      dhtClient: true,
      validateRecord: async () => {},
      selectRecord: () => 0,
    }),
  )
}

const LISTEN = ['/ip4/127.0.0.1/tcp/0/ws']
const PROTOCOL = '/test/1.0.0'

/** TCP connections that this process holds, both ends of those within it. */
const sockets = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length

async function until(holds: () => boolean, ms = 5_000): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end && !holds(); ) await delay(20)
}

async function connected(server: Network, client: Network): Promise<void> {
  await server.handle(PROTOCOL, async (frames) => await frames.end())
  const { frames } = await client.openStream(server.addresses(), PROTOCOL)
  await frames.readBatch()
  assert.equal(server.connectionCount, 1)
}

test('a WebSocket that the server refuses from now on leaves no socket', async () => {
  const server = await openPeer(LISTEN)
  const client = await openPeer([])
  const before = sockets()
  await connected(server, client)
  expect(sockets()).toBeGreaterThan(before)
  server.deny(client.peerId, 60_000)
  await until(() => sockets() <= before)
  expect(sockets()).toBe(before)
})

test('a WebSocket whose client aborts it leaves no socket', async () => {
  const server = await openPeer(LISTEN)
  const client = await openPeer([])
  const before = sockets()
  await connected(server, client)
  client.deny(server.peerId, 60_000)
  await until(() => sockets() <= before)
  expect(sockets()).toBe(before)
})

test('sockets that never become WebSockets are ended, and one that does stays', async () => {
  const server = await openPeer(LISTEN)
  const client = await openPeer([])
  await connected(server, client)
  const port = Number(/\/tcp\/(\d+)\/ws/u.exec(server.addresses()[0] ?? '')?.[1])
  const silent = connect(port, '127.0.0.1')
  const slow = connect(port, '127.0.0.1')
  // What arrives after the end is answered by a reset.
  for (const socket of [silent, slow]) socket.on('error', () => {})
  slow.write('GET / HTTP/1.1\r\n')
  const dribble = setInterval(() => slow.write('x-more: 1\r\n'), 500)
  try {
    const ended = Promise.all([once(silent, 'close'), once(slow, 'close')])
    await Promise.race([ended, delay(20_000).then(() => assert.fail('they are still open'))])
  } finally {
    clearInterval(dribble)
    silent.destroy()
    slow.destroy()
  }
  assert.equal(server.connectionCount, 1)
})
