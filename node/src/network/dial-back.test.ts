import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import { test } from 'vitest'
import { DIAL_BACK_PROTOCOL, encodeRequest } from './dial-back-messages.ts'
import type { Network } from './libp2p-node.ts'
import { openTestNetwork } from './test-network.ts'

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await holds()) return
    await delay(25)
  }
  assert.fail(`never: ${what}`)
}

async function join(peer: Network, to: Network): Promise<void> {
  peer.keepConnected(to.addresses(), 200)
  await peer.whenConnected(AbortSignal.timeout(10_000))
  await delay(200)
}

test('peers tell a node that it can be dialed, where they see it, and what time it is', async () => {
  await using stack = new AsyncDisposableStack()
  const ahead = 90_000
  const others = [
    stack.use(await openTestNetwork({ relay: true, now: () => Date.now() + ahead })),
    stack.use(await openTestNetwork({ relay: true, now: () => Date.now() + ahead })),
  ]
  const node = stack.use(await openTestNetwork())
  for (const other of others) await join(node, other)
  let report = await node.probeReachability(AbortSignal.timeout(15_000))
  for (let tries = 0; report.peers.length < 2 && tries < 20; tries++) {
    await delay(200)
    report = await node.probeReachability(AbortSignal.timeout(15_000))
  }
  assert.equal(report.reachability, 'direct')
  assert.equal(node.reachability(), 'direct')
  assert.equal(report.peers.length, 2)
  for (const { results, observed, fault } of report.peers) {
    assert.equal(fault, undefined)
    assert.match(observed ?? '', /^\/ip4\/127\.0\.0\.1\/tcp\/\d+/u)
    assert.deepEqual(
      results.map(({ ok, address, fault: why }) => ({ ok, address, why })),
      node.addresses().map((address) => ({ ok: true, address, why: null })),
    )
  }
  const offset = report.clockOffsetMs ?? 0
  assert.ok(Math.abs(offset - ahead) < 5_000, `${offset} ms`)
})

test('an address where nobody listens, or somebody else, is told apart', async () => {
  await using stack = new AsyncDisposableStack()
  const other = stack.use(await openTestNetwork({ relay: true }))
  const third = stack.use(await openTestNetwork())
  const gone = await openTestNetwork()
  const [closed = ''] = gone.addresses()
  await gone.stop()
  const base = (address: string) => address.replace(/\/p2p\/.*$/u, '')
  const node = stack.use(
    await openTestNetwork({
      listen: [],
      announce: [base(closed), base(third.addresses()[0] ?? '')],
    }),
  )
  await join(node, other)
  const report = await node.probeReachability(AbortSignal.timeout(15_000))
  assert.equal(report.reachability, 'unreachable')
  const faults = report.peers[0]?.results.map(({ fault }) => fault)
  assert.deepEqual(faults?.toSorted(), ['refused', 'wrong-peer'])
})

test('who asks too often is told so, and garbage is cut', async () => {
  await using stack = new AsyncDisposableStack()
  const other = stack.use(await openTestNetwork({ relay: true }))
  const node = stack.use(await openTestNetwork())
  await join(node, other)
  const faults: (string | null | undefined)[] = []
  for (let i = 0; i < 7; i++) {
    const report = await node.probeReachability(AbortSignal.timeout(10_000))
    faults.push(report.peers[0]?.results[0]?.fault)
  }
  assert.ok(faults.includes(null))
  assert.equal(faults.at(-1), 'rate-limited')
  for (const bytes of [new Uint8Array([1, 2, 3]), encodeRequest([]), new Uint8Array(20_000)]) {
    const { frames } = await node.openStream(other.peerId, DIAL_BACK_PROTOCOL)
    frames.write(bytes)
    await assert.rejects(frames.readFrame(AbortSignal.timeout(5_000)))
  }
  await node.openStream(other.peerId, DIAL_BACK_PROTOCOL)
})

test('a node that peers cannot dial takes a place at a relay by itself; one that they can does not', async () => {
  await using stack = new AsyncDisposableStack()
  const relay = stack.use(await openTestNetwork({ relay: true }))
  const hidden = stack.use(await openTestNetwork({ listen: [], relayUse: 'auto' }))
  const open = stack.use(await openTestNetwork({ relayUse: 'auto' }))
  const heard: string[] = []
  hidden.onAddresses((addresses) => heard.push(...addresses))
  for (const node of [hidden, open]) node.keepConnected(relay.addresses(), 200)
  await until('a place at the relay', () => hidden.reachability() === 'relayed')
  await until('reachable', () => open.reachability() === 'direct')
  assert.ok(open.addresses().every((address) => !address.includes('p2p-circuit')))
  await until('told of it', () => heard.length > 0)
  assert.ok(heard.every((address) => multiaddr(address).toString().includes('/p2p-circuit/')))
})
