import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import { test } from 'vitest'
import { heartbeat } from './heartbeat.ts'
import { MONITOR, muxer } from './peer-options.ts'
import { LOOPBACK_TCP } from './test-network.ts'

const CHATTER = '/hanse/chatter/1.0.0'
const QUICK = { everyMs: 20, patienceMs: 200 }

async function openPeer(withHeartbeat: boolean): Promise<Libp2p & AsyncDisposable> {
  const peer = await createLibp2p({
    addresses: { listen: [LOOPBACK_TCP] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [muxer()],
    connectionMonitor: MONITOR,
    services: {
      ping: ping({ protocolPrefix: 'hanse' }),
      ...(withHeartbeat ? { heartbeat: heartbeat(QUICK) } : {}),
    },
  })
  return Object.assign(peer, { [Symbol.asyncDispose]: async () => await peer.stop() })
}

/** Passes bytes on between a peer and whoever dials here; what goes to the peer can be kept from it. */
async function openPipe(to: Libp2p) {
  const sockets = new Set<Socket>()
  const port = Number(/\/tcp\/(\d+)/u.exec(String(to.getMultiaddrs()[0]))?.[1])
  let isOpen = true
  const server = createServer((dialer) => {
    const peer = connect(port, '127.0.0.1')
    for (const socket of [dialer, peer]) sockets.add(socket.on('error', () => {}))
    dialer.on('data', (bytes) => isOpen && peer.write(bytes))
    peer.on('data', (bytes) => dialer.write(bytes))
    peer.on('close', () => dialer.destroy())
    dialer.on('close', () => peer.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: multiaddr(
      `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}/p2p/${to.peerId.toString()}`,
    ),
    shut: () => {
      isOpen = false
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

test('a peer of which nothing is heard is cut, and one that answers is not', async () => {
  await using peer = await openPeer(false)
  await using pipe = await openPipe(peer)
  await using own = await openPeer(true)
  const connection = await own.dial(pipe.address)
  while (connection.rtt === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(connection.status, 'open')
  const closed = once(connection as unknown as EventTarget, 'close')
  pipe.shut()
  await closed
  assert.equal(connection.status, 'aborted')
})

test('a peer that goes on sending is kept, though it answers no pings', async () => {
  await using peer = await openPeer(false)
  await using pipe = await openPipe(peer)
  await using own = await openPeer(true)
  let said = 0
  await own.handle(CHATTER, (stream) => {
    stream.addEventListener('message', () => said++)
  })
  const opened = Promise.withResolvers<void>()
  peer.addEventListener('connection:open', () => opened.resolve())
  const connection = await own.dial(pipe.address)
  await opened.promise
  const [back] = peer.getConnections()
  const stream = await back?.newStream(CHATTER)
  pipe.shut()
  // Several times as long as a silent peer is borne with, as the peer's own words count it.
  while (said < 100) {
    stream?.send(Uint8Array.of(1))
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.equal(connection.status, 'open')
})
