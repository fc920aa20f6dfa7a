import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { test } from 'vitest'
import type { FrameStream } from './frame-stream.ts'
import type { Network } from './libp2p-node.ts'
import type { NetworkOptions } from './libp2p-options.ts'
import { openTestNetwork } from './test-network.ts'

const ECHO = '/hanse/echo/1.0.0'
const within = (ms: number) => ({ signal: AbortSignal.timeout(ms) })

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await holds()) return
    await delay(25)
  }
  assert.fail(`never: ${what}`)
}

const relayedOf = (network: Network) =>
  network.addresses().filter((address) => address.includes('/p2p-circuit'))

/** A relay, a node that listens nowhere but there and echoes, and a stranger who knows neither. */
async function openRelayed(
  stack: AsyncDisposableStack,
  relayOptions: Partial<NetworkOptions> = {},
  privateKey?: NetworkOptions['privateKey'],
) {
  const relay = stack.use(
    await openTestNetwork({
      relay: true,
      ...relayOptions,
      ...(privateKey === undefined ? {} : { privateKey }),
    }),
  )
  const hidden = stack.use(await openTestNetwork({ listen: [], relayUse: 'on' }))
  await hidden.handle(ECHO, async (frames) => {
    for await (const frame of frames) if (!frames.write(frame)) await frames.drained()
    await frames.end()
  })
  hidden.keepConnected(relay.addresses(), 200)
  await until('a reservation', () => relayedOf(hidden).length > 0)
  const stranger = stack.use(await openTestNetwork({ listen: [] }))
  return { relay, hidden, stranger }
}

async function echo(frames: FrameStream, bytes: number): Promise<number> {
  const chunk = new Uint8Array(60_000)
  const writing = (async () => {
    for (let sent = 0; sent < bytes; sent += chunk.length)
      if (!frames.write(chunk)) await frames.drained()
    await frames.end()
  })().catch(() => {})
  let got = 0
  for await (const frame of frames) got += frame.byteLength
  await writing
  return got
}

test('a node that listens nowhere is reached through a relay, for far more than libp2p’s 128 KiB', async () => {
  await using stack = new AsyncDisposableStack()
  const { hidden, stranger } = await openRelayed(stack)
  assert.equal(hidden.reachability(), 'relayed')
  const addresses = relayedOf(hidden)
  assert.ok(addresses.every((address) => address.endsWith(`/p2p-circuit/p2p/${hidden.peerId}`)))
  const { frames, remotePeer } = await stranger.openStream(addresses, ECHO, within(10_000))
  assert.equal(remotePeer, hidden.peerId)
  const bytes = 12_000_000
  assert.equal(await echo(frames, bytes), bytes)
  assert.deepEqual(
    stranger.connectionsTo(hidden.peerId).map(({ direct, inbound }) => ({ direct, inbound })),
    [{ direct: false, inbound: false }],
  )
  // The same connection again, not a new one through the relay.
  const again = await stranger.openStream(addresses, ECHO, within(10_000))
  assert.equal(await echo(again.frames, 60_000), 60_000)
  assert.equal(stranger.connectionsTo(hidden.peerId).length, 1)
})

test('a relay with a small limit cuts the stream there, which shows that the limit is real', async () => {
  await using stack = new AsyncDisposableStack()
  const { hidden, stranger } = await openRelayed(stack, {
    relayLimits: { dataLimit: 128n * 1024n },
  })
  const { frames } = await stranger.openStream(relayedOf(hidden), ECHO, within(10_000))
  const got = await echo(frames, 1_000_000).catch(() => 0)
  assert.ok(got < 128 * 1024, `${got} bytes came`)
})

test('a relay that ends connections after a while cuts a stream that lasts longer', async () => {
  await using stack = new AsyncDisposableStack()
  const { hidden, stranger } = await openRelayed(stack, { relayLimits: { durationMs: 600 } })
  const { frames } = await stranger.openStream(relayedOf(hidden), ECHO, within(10_000))
  frames.write(new Uint8Array([1]))
  assert.equal((await frames.readFrame(AbortSignal.timeout(5_000)))?.length, 1)
  const ended = frames.readFrame(AbortSignal.timeout(10_000)).then(
    (frame) => frame === undefined,
    () => true,
  )
  assert.equal(await ended, true)
})

test('a place at a relay is taken again when the relay comes back', async () => {
  await using stack = new AsyncDisposableStack()
  const privateKey = await generateKeyPair('Ed25519')
  const first = await openTestNetwork({ relay: true, privateKey })
  const addresses = first.addresses()
  const listen = addresses.map((address) => address.replace(/\/p2p\/.*$/u, ''))
  const hidden = stack.use(await openTestNetwork({ listen: [], relayUse: 'on' }))
  hidden.keepConnected(addresses, 100)
  for (let restart = 0; restart < 2; restart++) {
    const relay = restart === 0 ? first : await openTestNetwork({ relay: true, privateKey, listen })
    try {
      await until('a reservation', () => relayedOf(hidden).length > 0)
      const stranger = stack.use(await openTestNetwork({ listen: [] }))
      await hidden.unhandle(ECHO).catch(() => {})
      await hidden.handle(ECHO, async (frames) => {
        for await (const frame of frames) frames.write(frame)
        await frames.end()
      })
      const { frames } = await stranger.openStream(relayedOf(hidden), ECHO, within(10_000))
      assert.equal(await echo(frames, 60_000), 60_000)
    } finally {
      await relay.stop()
    }
    await until('the address is withdrawn', () => relayedOf(hidden).length === 0)
  }
})

test('a relay keeps little of what a slow reader does not take', async () => {
  await using stack = new AsyncDisposableStack()
  const { hidden, stranger } = await openRelayed(stack)
  const gate = Promise.withResolvers<void>()
  await hidden.handle('/hanse/slow/1.0.0', async (frames) => {
    await gate.promise
    let got = 0
    for await (const frame of frames) got += frame.byteLength
    frames.write(new TextEncoder().encode(`${got}`))
    await frames.end()
  })
  const { frames } = await stranger.openStream(
    relayedOf(hidden),
    '/hanse/slow/1.0.0',
    within(10_000),
  )
  const chunk = new Uint8Array(60_000)
  const wanted = 400
  let sent = 0
  const writing = (async () => {
    for (; sent < wanted; sent++) if (!frames.write(chunk)) await frames.drained()
    await frames.end()
  })()
  // It stops by itself while nothing is read: four windows of at most 1 MiB lie on the way.
  let before = -1
  await until('the writer waits', async () => {
    const still = sent === before
    before = sent
    await delay(300)
    return still && sent > 0
  })
  assert.ok(sent * chunk.length < 6 << 20, `${sent * chunk.length} bytes went out unread`)
  gate.resolve()
  await writing
  const answer = await frames.readFrame(AbortSignal.timeout(20_000))
  assert.equal(new TextDecoder().decode(answer), `${wanted * chunk.length}`)
})

test('only so many nodes get a place', async () => {
  await using stack = new AsyncDisposableStack()
  const { relay } = await openRelayed(stack, { relayLimits: { reservations: 1 } })
  const late = stack.use(await openTestNetwork({ listen: [], relayUse: 'on' }))
  late.keepConnected(relay.addresses(), 200)
  await late.whenConnected(AbortSignal.timeout(5_000))
  await delay(1_000)
  assert.deepEqual(relayedOf(late), [])
})

test('only so many connections are carried for one node', async () => {
  await using stack = new AsyncDisposableStack()
  const { hidden } = await openRelayed(stack, { relayLimits: { circuitsPerPeer: 2 } })
  const results: boolean[] = []
  for (let i = 0; i < 3; i++) {
    const stranger = stack.use(await openTestNetwork({ listen: [] }))
    results.push(
      await stranger.openStream(relayedOf(hidden), ECHO, within(5_000)).then(
        () => true,
        () => false,
      ),
    )
  }
  assert.deepEqual(results, [true, true, false])
})
