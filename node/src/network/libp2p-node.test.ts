import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { test } from 'vitest'
import type { Network } from './libp2p-node.ts'
import type { FoundProvider } from './peer-network.ts'
import { openTestNetwork } from './test-network.ts'

const PROTOCOL = '/hanse/test/1.0.0'

function within(ms: number): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(ms) }
}

async function keyOf(text: string): Promise<CID> {
  return CID.createV1(raw.code, await sha256.digest(new TextEncoder().encode(text)))
}

function recordKey(name: string): Uint8Array {
  return new TextEncoder().encode(`/hanse/${name}`)
}

/** One bootstrap and `count - 1` peers that know only it. Closed with `stack`. */
async function openNetworks(
  stack: AsyncDisposableStack,
  count: number,
): Promise<[Network, ...Network[]]> {
  const bootstrap = stack.use(await openTestNetwork())
  const others: Network[] = []
  for (let i = 1; i < count; i++) {
    const network = stack.use(await openTestNetwork())
    network.keepConnected(bootstrap.addresses())
    await network.whenConnected(AbortSignal.timeout(10_000))
    others.push(network)
  }
  return [bootstrap, ...others]
}

async function findAll(network: Network, cid: CID, limit = 10): Promise<FoundProvider[]> {
  const found: FoundProvider[] = []
  for await (const provider of network.findProviders(cid, { limit, ...within(10_000) }))
    found.push(provider)
  return found
}

async function assertGreeted(
  consumer: Network,
  target: string | string[],
  peerId: string,
): Promise<void> {
  const { frames, remotePeer } = await consumer.openStream(target, PROTOCOL, within(5_000))
  assert.equal(remotePeer, peerId)
  const [frame] = (await frames.readBatch()) ?? []
  assert.equal(new TextDecoder().decode(frame), consumer.peerId)
  await frames.end()
}

test('peers that share only a bootstrap find a provider and its record, and reach it', async () => {
  await using stack = new AsyncDisposableStack()
  const [, provider, other, consumer] = await openNetworks(stack, 4)
  assert.ok(provider !== undefined && other !== undefined && consumer !== undefined)

  const cid = await keyOf('model/EU')
  await provider.provide(cid, within(20_000))
  await other.provide(cid, within(20_000))
  const found = await findAll(consumer, cid)
  assert.deepEqual(found.map(({ peerId }) => peerId).sort(), [provider.peerId, other.peerId].sort())
  assert.equal((await findAll(consumer, cid, 1)).length, 1)
  assert.deepEqual(await findAll(consumer, await keyOf('nobody has this')), [])

  const key = recordKey('a')
  assert.ok((await provider.putValue(key, new Uint8Array([7]), within(20_000))) >= 2)
  assert.deepEqual(await consumer.getValue(key, within(10_000)), new Uint8Array([7]))
  assert.equal(await consumer.getValue(recordKey('missing'), within(10_000)), undefined)

  await provider.handle(PROTOCOL, async (frames, remotePeer) => {
    frames.write(new TextEncoder().encode(remotePeer))
    await frames.end()
  })
  const addresses = found.find(({ peerId }) => peerId === provider.peerId)?.addresses ?? []
  await assertGreeted(consumer, addresses, provider.peerId)
  await assertGreeted(consumer, provider.peerId, provider.peerId)
})

test('a value that the others refuse is stored by nobody', async () => {
  await using stack = new AsyncDisposableStack()
  const [bootstrap] = await openNetworks(stack, 3)
  const liar = stack.use(await openTestNetwork({ validateRecord: async () => {} }))
  liar.keepConnected(bootstrap.addresses())
  await liar.whenConnected(AbortSignal.timeout(10_000))
  assert.equal(await liar.putValue(recordKey('b'), new Uint8Array([201]), within(20_000)), 0)
  assert.ok((await liar.putValue(recordKey('b'), new Uint8Array([200]), within(20_000))) >= 1)
})

test('a DHT client finds what servers hold', async () => {
  await using stack = new AsyncDisposableStack()
  const [bootstrap, provider] = await openNetworks(stack, 2)
  assert.ok(provider !== undefined)
  const client = stack.use(await openTestNetwork({ listen: [], dhtClient: true }))
  client.keepConnected(bootstrap.addresses())
  const cid = await keyOf('model/EU')
  await provider.provide(cid, within(20_000))
  await client.whenConnected(AbortSignal.timeout(10_000))
  assert.deepEqual(
    (await findAll(client, cid)).map(({ peerId }) => peerId),
    [provider.peerId],
  )
})

test('streams to one peer share a connection, and streams over the limit are reset', async () => {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await openTestNetwork())
  const client = stack.use(await openTestNetwork({ listen: [] }))
  await server.handle(
    PROTOCOL,
    async (frames) => {
      for await (const frame of frames) frames.write(frame)
      await frames.end()
    },
    { maxInboundStreams: 3 },
  )
  const opened = await Promise.all(
    Array.from(
      { length: 5 },
      async () => await client.openStream(server.addresses(), PROTOCOL, within(5_000)),
    ),
  )
  assert.equal(client.connectionCount, 1)
  const answers = await Promise.all(
    opened.map(async ({ frames }) => {
      try {
        frames.write(new Uint8Array([1]))
        return (await frames.readBatch())?.length === 1
      } catch {
        return false
      }
    }),
  )
  assert.equal(answers.filter(Boolean).length, 3)
})

test('a protocol that the peer does not speak, and a peer that is not there, are errors', async () => {
  await using stack = new AsyncDisposableStack()
  const server = await openTestNetwork()
  const client = stack.use(await openTestNetwork({ listen: [] }))
  const addresses = server.addresses()
  try {
    await assert.rejects(client.openStream(addresses, '/hanse/unknown/1.0.0', within(5_000)))
  } finally {
    await server.stop()
  }
  await assert.rejects(client.openStream(addresses, PROTOCOL, within(5_000)))
})

test('a bootstrap that restarts on its port gets its peers back', async () => {
  await using stack = new AsyncDisposableStack()
  const privateKey = await generateKeyPair('Ed25519')
  const first = await openTestNetwork({ privateKey })
  const addresses = first.addresses()
  const peer = stack.use(await openTestNetwork({ listen: [] }))
  try {
    peer.keepConnected(addresses, 100)
    await peer.whenConnected(AbortSignal.timeout(10_000))
  } finally {
    await first.stop()
  }
  while (peer.connectionCount > 0) await delay(10)
  const listen = addresses.map((address) => address.replace(/\/p2p\/.*$/, ''))
  const second = stack.use(await openTestNetwork({ privateKey, listen }))
  await peer.whenConnected(AbortSignal.timeout(10_000))
  assert.equal(second.peerId, first.peerId)
})

test('waiting for a connection ends with its signal, and when the network stops', async () => {
  const network = await openTestNetwork({ listen: [] })
  await assert.rejects(network.whenConnected(AbortSignal.timeout(20)), { name: 'TimeoutError' })
  const waiting = assert.rejects(network.whenConnected(), /stopped/)
  await network.stop()
  await waiting
})
