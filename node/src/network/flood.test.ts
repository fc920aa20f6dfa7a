import assert from 'node:assert/strict'
import { createConnection, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { HanseError } from '@hanse/protocol'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import { test } from 'vitest'
import type { Network } from './libp2p-node.ts'
import type { NetworkOptions } from './libp2p-options.ts'
import { openTestNetwork } from './test-network.ts'

const ECHO = '/hanse/echo/1.0.0'
const MIB = 1 << 20
/** Attacker and victim share this process, so its memory bounds that of the victim from above. */
const GROWTH_MAX = 400 * MIB

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 800; tries++) {
    if (await holds()) return
    await delay(25)
  }
  assert.fail(`never: ${what}`)
}

async function openVictim(stack: AsyncDisposableStack, options: Partial<NetworkOptions> = {}) {
  const victim = stack.use(await openTestNetwork(options))
  await victim.handle(ECHO, async (frames) => {
    for await (const frame of frames) if (!frames.write(frame)) await frames.drained()
    await frames.end()
  })
  return victim
}

/** A peer that keeps to no rule of ours. */
async function openAttacker(stack: AsyncDisposableStack): Promise<Libp2p> {
  const libp2p = await createLibp2p({
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ maxOutboundStreams: 100_000 })],
  })
  stack.defer(async () => await libp2p.stop())
  return libp2p
}

const dial = async (attacker: Libp2p, victim: Network) =>
  await attacker.dial(multiaddr(victim.addresses()[0] ?? ''))

async function assertServed(stack: AsyncDisposableStack, victim: Network): Promise<void> {
  const friend = stack.use(await openTestNetwork({ listen: [] }))
  const { frames } = await friend.openStream(victim.addresses(), ECHO, {
    signal: AbortSignal.timeout(10_000),
  })
  frames.write(new Uint8Array([42]))
  assert.deepEqual(await frames.readFrame(AbortSignal.timeout(10_000)), new Uint8Array([42]))
  await frames.end()
}

test('one peer opens 10,000 streams: most are reset, memory stays, others are served meanwhile', async () => {
  await using stack = new AsyncDisposableStack()
  const victim = await openVictim(stack, { streams: { perSecond: 100 } })
  const attacker = await openAttacker(stack)
  const connection = await dial(attacker, victim)
  // In its first moment a connection is cut for ten streams, by the multiplexer itself.
  await delay(500)
  const before = process.memoryUsage().rss
  let opened = 0
  let most = 0
  const flood = (async () => {
    for (let round = 0; round < 100; round++) {
      const results = await Promise.allSettled(
        Array.from({ length: 100 }, async () => {
          const limits = { maxOutboundStreams: 100_000, signal: AbortSignal.timeout(2_000) }
          return await connection.newStream(ECHO, limits)
        }),
      )
      opened += results.filter(({ status }) => status === 'fulfilled').length
      most = Math.max(most, victim.inboundStreams)
    }
  })()
  await assertServed(stack, victim)
  await flood
  assert.ok(opened > 1_000, `${opened} streams were opened`)
  // As many as one connection may have of a protocol, and the friend's.
  assert.ok(most > 0 && most <= 256 + 1, `${most} streams were served at once`)
  assert.ok(process.memoryUsage().rss - before < GROWTH_MAX)
  await assertServed(stack, victim)
})

test('a peer that goes on after thousands of refusals is sent away, and stays away for a while', async () => {
  await using stack = new AsyncDisposableStack()
  let now = Date.now()
  const victim = await openVictim(stack, { streams: { perSecond: 1 }, now: () => now })
  const attacker = await openAttacker(stack)
  const refused = async () => {
    const again = await dial(attacker, victim).catch(() => undefined)
    // A refusal shows late: the dial itself resolves.
    await delay(300)
    return again === undefined || again.status !== 'open'
  }
  await until('the peer is sent away', async () => {
    const connection = await dial(attacker, victim).catch(() => undefined)
    await Promise.allSettled(
      Array.from({ length: 200 }, async () => await connection?.newStream(ECHO)),
    )
    return await refused()
  })
  await assertServed(stack, victim)
  now += 6 * 60_000
  assert.equal(await refused(), false)
})

test('a gigabyte without the end of a frame is cut at its length, long before it has come', async () => {
  await using stack = new AsyncDisposableStack()
  const victim = await openVictim(stack)
  const connection = await dial(await openAttacker(stack), victim)
  const stream = await connection.newStream(ECHO)
  // The length of 1 GiB, and then bytes without an end.
  stream.send(new Uint8Array([0x80, 0x80, 0x80, 0x80, 0x04]))
  const chunk = new Uint8Array(64 * 1024)
  let sent = 0
  while (sent < 1024 * MIB && stream.status === 'open') {
    try {
      stream.send(chunk)
    } catch {
      break
    }
    sent += chunk.byteLength
    await delay(1)
  }
  assert.ok(sent < 16 * MIB, `${sent} bytes`)
  await assertServed(stack, victim)
})

test('a peer that asks for much and reads nothing costs no more than the windows', async () => {
  await using stack = new AsyncDisposableStack()
  const victim = stack.use(await openTestNetwork())
  let written = 0
  await victim.handle(ECHO, async (frames) => {
    const chunk = new Uint8Array(64 * 1024)
    for (; written < 1024 * MIB; written += chunk.byteLength)
      if (!frames.write(chunk)) await frames.drained()
  })
  const connection = await dial(await openAttacker(stack), victim)
  const stream = await connection.newStream(ECHO)
  stream.pause()
  stream.send(new Uint8Array([1, 0]))
  let before = -1
  await until('the writer waits', async () => {
    const still = written === before && written > 0
    before = written
    await delay(300)
    return still
  })
  assert.ok(written < 8 * MIB, `${written} bytes`)
})

test('peers that connect and do nothing make room for others when all places are taken', async () => {
  await using stack = new AsyncDisposableStack()
  let ahead = 0
  const now = (): number => Date.now() + ahead
  const victim = await openVictim(stack, { gate: { connectionsMax: 8 }, now })
  for (let i = 0; i < 8; i++) await dial(await openAttacker(stack), victim)
  await until('all places are taken', () => victim.connectionCount === 8)
  // Young connections may be about to ask for something, so they are left alone.
  const early = await openAttacker(stack)
  await dial(early, victim).catch(() => {})
  await delay(200)
  assert.equal(victim.connectionsTo(early.peerId.toString()).length, 0)
  ahead = 60_000
  await assertServed(stack, victim)
  assert.ok(victim.connectionCount <= 8)
})

test('half-open connections of one address leave the rest of the world its places', async () => {
  await using stack = new AsyncDisposableStack()
  const victim = await openVictim(stack, { lan: false })
  const port = Number(/\/tcp\/(\d+)/u.exec(victim.addresses()[0] ?? '')?.[1])
  const sockets: Socket[] = []
  stack.defer(() => {
    for (const socket of sockets) socket.destroy()
  })
  for (let i = 0; i < 40; i++) sockets.push(createConnection({ port, host: '127.0.0.1' }))
  for (const socket of sockets) socket.on('error', () => {})
  await until('most are cut', () => sockets.filter(({ closed }) => closed).length >= 24)
  assert.ok(sockets.filter(({ closed }) => !closed).length >= 1)
})

test('a peer has so many connections, and those denied have none', async () => {
  await using stack = new AsyncDisposableStack()
  const victim = await openVictim(stack, { gate: { connectionsPerPeer: 2 } })
  const attacker = await openAttacker(stack)
  const address = multiaddr(victim.addresses()[0] ?? '')
  for (let i = 0; i < 5; i++) await attacker.dial(address, { force: true }).catch(() => {})
  await until('two are left', () => victim.connectionsTo(attacker.peerId.toString()).length === 2)
  victim.deny(attacker.peerId.toString(), 60_000)
  await until('none is left', () => victim.connectionsTo(attacker.peerId.toString()).length === 0)
  const picky = await openVictim(stack, { gate: { denyAddresses: ['127.0.0.0/8'] } })
  await dial(attacker, picky).catch(() => {})
  await delay(200)
  assert.equal(picky.connectionCount, 0)
  const closed = await openVictim(stack, { gate: { allowPeers: [victim.peerId] } })
  await dial(attacker, closed).catch(() => {})
  await until('only the allowed one', async () => {
    await victim.openStream(closed.addresses(), ECHO, { signal: AbortSignal.timeout(5_000) })
    return closed.connectionCount === 1
  })
})

test('a port that is taken is named, with the setting to change', async () => {
  await using stack = new AsyncDisposableStack()
  const first = stack.use(await openTestNetwork())
  const taken = first.addresses()[0]?.replace(/\/p2p\/.*$/u, '') ?? ''
  await assert.rejects(openTestNetwork({ listen: [taken] }), (error: unknown) => {
    assert.ok(error instanceof HanseError)
    assert.equal(error.code, 'HANSE_ADDRESS_IN_USE')
    assert.ok(error.message.includes(taken) && error.message.includes('--listen'))
    return true
  })
})
