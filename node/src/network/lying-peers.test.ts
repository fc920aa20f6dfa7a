import assert from 'node:assert/strict'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Libp2p } from 'libp2p'
import { createLibp2p } from 'libp2p'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'
import { test } from 'vitest'
import type { Network } from './libp2p-node.ts'
import { type HanseServices, libp2pOptions } from './libp2p-options.ts'
import { PeerGate } from './peer-gate.ts'
import { NAMED_BY_ONE_MAX } from './provider-draw.ts'
import { LOOPBACK_TCP, openTestNetwork } from './test-network.ts'

const LIMIT = 64
/** More than a liar's share of what is wanted. */
const LIES = 40
const PATIENCE_MS = 60_000
const OPEN_GATE = {
  allowPeers: [],
  denyPeers: [],
  denyAddresses: [],
  relays: 'any',
  connectionsPerPeer: 8,
  connectionsPerAddress: 10_000,
  connectionsMax: 10_000,
  lan: true,
} as const

const within = (ms: number) => ({ signal: AbortSignal.timeout(ms) })
const keyOf = async (text: string) =>
  CID.createV1(raw.code, await sha256.digest(new TextEncoder().encode(text)))

/** A peer of the DHT that is not ours, and answers who has a key in its own way. */
async function openPeer(
  stack: AsyncDisposableStack,
  bootstrap: Network,
  getProviders: (peer: Libp2p) => Promise<PeerId[]>,
): Promise<void> {
  const options = libp2pOptions(
    {
      privateKey: await generateKeyPair('Ed25519'),
      listen: [LOOPBACK_TCP],
      lan: true,
      dhtClient: false,
      validateRecord: async () => {},
      selectRecord: () => 0,
    },
    { gate: new PeerGate(OPEN_GATE, Date.now), relayHost: undefined },
  )
  const libp2p: Libp2p<HanseServices> = await createLibp2p(options)
  stack.defer(async () => await libp2p.stop())
  const dht = libp2p.services.dht as KadDHT & { providers: { getProviders(): Promise<unknown> } }
  dht.providers.getProviders = async () => await getProviders(libp2p)
  const [address] = bootstrap.addresses()
  await dial(libp2p, address ?? '')
}

/** A peer that names so many providers for every key, none of which exists. */
async function openLiar(
  stack: AsyncDisposableStack,
  bootstrap: Network,
  count: number,
): Promise<Set<string>> {
  const invented = await Promise.all(
    Array.from({ length: count }, async () =>
      peerIdFromPrivateKey(await generateKeyPair('Ed25519')),
    ),
  )
  const multiaddrs = [multiaddr('/ip4/127.0.0.1/tcp/9')]
  await openPeer(stack, bootstrap, async ({ peerStore }) => {
    for (const id of invented) await peerStore.merge(id, { multiaddrs })
    return invented
  })
  return new Set(invented.map(String))
}

/** A machine that does something else lets an upgrade run out of its time: it is tried again. */
async function dial(libp2p: Libp2p<HanseServices>, address: string): Promise<void> {
  const until = Date.now() + PATIENCE_MS
  for (;;) {
    try {
      await libp2p.dial(multiaddr(address), within(PATIENCE_MS))
      return
    } catch (error) {
      if (Date.now() > until) throw error
    }
  }
}

/** Joins, and knows everybody whom the bootstrap knows. */
async function join(stack: AsyncDisposableStack, bootstrap: Network): Promise<Network> {
  const network = stack.use(await openTestNetwork())
  network.keepConnected(bootstrap.addresses())
  await network.whenConnected(AbortSignal.timeout(PATIENCE_MS))
  return network
}

test('peers that name false providers leave the real ones to be found', async () => {
  await using stack = new AsyncDisposableStack()
  const bootstrap = stack.use(await openTestNetwork())
  const honest: Network[] = []
  for (let i = 0; i < 8; i++) honest.push(await join(stack, bootstrap))
  const cid = await keyOf('hanse/v1/any/EU')
  const [one, two] = honest
  assert.ok(one !== undefined && two !== undefined)
  // Nobody lies yet, so that the records get to those who keep them.
  await one.provide(cid, within(PATIENCE_MS))
  await two.provide(cid, within(PATIENCE_MS))
  const lies: Set<string>[] = []
  for (let i = 0; i < 3; i++) lies.push(await openLiar(stack, bootstrap, LIES))
  const consumer = await join(stack, bootstrap)

  // Who answers first is chance: it must not matter.
  for (let i = 0; i < 5; i++) {
    const found: string[] = []
    const asked = { limit: LIMIT, ...within(PATIENCE_MS) }
    for await (const { peerId } of consumer.findProviders(cid, asked)) found.push(peerId)
    for (const { peerId } of [one, two]) assert.ok(found.includes(peerId), 'a real one is missing')
    assert.equal(new Set(found).size, found.length)
    for (const invented of lies) {
      const named = found.filter((peerId) => invented.has(peerId))
      // Three liars and some of the eight who keep the records: no more than their share of what is wanted.
      assert.ok(named.length <= Math.ceil(LIMIT / lies.length), `${named.length} of one liar`)
    }
    assert.ok(
      found.length <= 2 + lies.length * Math.max(NAMED_BY_ONE_MAX, Math.ceil(LIMIT / lies.length)),
    )
  }
}, 240_000)

test('one honest holder of many providers is asked for all of them', async () => {
  await using stack = new AsyncDisposableStack()
  const bootstrap = stack.use(await openTestNetwork())
  const named = await openLiar(stack, bootstrap, 30)
  const consumer = await join(stack, bootstrap)
  const found = await untilKnown(async (seen) => {
    const asked = { limit: LIMIT, ...within(PATIENCE_MS) }
    for await (const { peerId } of consumer.findProviders(await keyOf('a model'), asked))
      seen.add(peerId)
    return seen.size > 0
  })
  assert.deepEqual(found, named)
}, 240_000)

test('what was named counts, though somebody else does not answer in time', async () => {
  await using stack = new AsyncDisposableStack()
  const bootstrap = stack.use(await openTestNetwork())
  const released = Promise.withResolvers<PeerId[]>()
  stack.defer(() => released.resolve([]))
  await openPeer(stack, bootstrap, async () => await released.promise)
  const named = await openLiar(stack, bootstrap, 30)
  const consumer = await join(stack, bootstrap)
  const found = await untilKnown(async (seen) => {
    const late = new AbortController()
    const asked = { limit: LIMIT, signal: late.signal }
    try {
      for await (const { peerId } of consumer.findProviders(await keyOf('a model'), asked)) {
        seen.add(peerId)
        if (seen.size === NAMED_BY_ONE_MAX) late.abort(new Error('too late'))
      }
      return false
    } catch {
      return late.signal.aborted
    }
  })
  assert.deepEqual(found, named)
}, 240_000)

/** The bootstrap tells of peers once they have said who they are, which is a moment after they have connected. */
async function untilKnown(look: (seen: Set<string>) => Promise<boolean>): Promise<Set<string>> {
  for (const until = Date.now() + PATIENCE_MS; ; ) {
    const seen = new Set<string>()
    if (await look(seen)) return seen
    assert.ok(Date.now() < until, 'some peers stay unknown')
  }
}
