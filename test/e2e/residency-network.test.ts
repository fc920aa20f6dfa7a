import assert from 'node:assert/strict'
import type { Signer } from '@hanse/protocol'
import { describe, test } from 'vitest'
import { attestationBy, newSigner } from '../support/residency/attest.ts'
import { EuConsumer, type EuConsumerOptions } from '../support/residency/eu-consumer.ts'
import { newIdentity, openLoopback, TappedPeer } from '../support/residency/tapped-peer.ts'
import { tcpPortOf, WireTap } from '../support/residency/wire-tap.ts'

const attestor = newSigner()
const attest = (subject: Signer) => [attestationBy(attestor, subject)]
const openConsumer = async (
  stack: AsyncDisposableStack,
  options: Omit<EuConsumerOptions, 'trustedAttestors'>,
) => stack.use(await EuConsumer.open({ ...options, trustedAttestors: [attestor.peerId] }))

/** What the consumer's log says of whom it sent nothing to. */
async function noted(consumer: EuConsumer) {
  const refusals = await consumer.refusals()
  return refusals.map((refusal) => ({
    place: refusal.place,
    reason: refusal.reason,
    country: refusal.country,
    about: consumer.about(refusal),
  }))
}

test('a provider that is away is no refusal', async () => {
  await using stack = new AsyncDisposableStack()
  const peer = await TappedPeer.open({ attest })
  await peer[Symbol.asyncDispose]()
  for (const discovery of ['bypassed', 'honest'] as const) {
    const consumer = await openConsumer(stack, { peers: [peer], discovery })
    await consumer.ask()
    assert.deepEqual(await noted(consumer), [])
  }
})

describe('somebody else at the address of an attested provider', () => {
  test('cannot prove its key, and hears nothing', async () => {
    await using stack = new AsyncDisposableStack()
    const good = stack.use(await TappedPeer.open({ attest }))
    const liar = stack.use(await TappedPeer.open({ attest: () => good.attestations }))
    const { peerId, signed, attestations } = good
    const addresses = [`/ip4/127.0.0.1/tcp/${liar.tap.port}/p2p/${peerId}`]
    const victim = { peerId, signed, attestations, addresses }
    for (const discovery of ['bypassed', 'honest'] as const) {
      const consumer = await openConsumer(stack, { peers: [victim], discovery })
      const isAsked = discovery === 'bypassed'
      const code = isAsked ? 'HANSE_PROVIDER_UNREACHABLE' : 'HANSE_MODEL_UNKNOWN'
      assert.equal(await consumer.ask(), code)
      assert.ok(liar.tap.connections > 0)
      for (const bytes of [liar.plaintext(), liar.tap.bytes()])
        assert.ok(!bytes.includes(consumer.marker))
      assert.deepEqual(await noted(consumer), [
        {
          place: isAsked ? 'before-prompt' : 'discovery',
          reason: 'another-peer',
          country: isAsked ? 'DE' : '',
          about: peerId,
        },
      ])
    }
  })

  test('hears nothing either where the address does not say whom to expect, and is noted', async () => {
    await using stack = new AsyncDisposableStack()
    const good = stack.use(await TappedPeer.open({ attest }))
    const liar = stack.use(await TappedPeer.open({ attest: () => good.attestations }))
    const { peerId, signed, attestations } = good
    const addresses = [`/ip4/127.0.0.1/tcp/${liar.tap.port}`]
    const victim = { peerId, signed, attestations, addresses }
    const consumer = await openConsumer(stack, { peers: [victim], discovery: 'bypassed' })
    assert.equal(await consumer.ask(), 'HANSE_RESIDENCY_UNPROVEN')
    const [refusal] = await consumer.refusals()
    assert.ok(refusal !== undefined)
    assert.equal(refusal.reason, 'another-peer')
    assert.equal(consumer.about(refusal), liar.peerId)
    for (const bytes of [liar.plaintext(), liar.tap.bytes()])
      assert.ok(!bytes.includes(consumer.marker))
  })
})

describe('a relay in the middle', () => {
  async function openRelayed(stack: AsyncDisposableStack) {
    const relay = stack.use(
      await openLoopback(await newIdentity(), { relay: true, dhtClient: false }),
    )
    const tap = stack.use(await WireTap.open(tcpPortOf(relay.addresses())))
    const address = `/ip4/127.0.0.1/tcp/${tap.port}/p2p/${relay.peerId}`
    const place = { peerId: relay.peerId, address }
    return { relay, tap, peer: stack.use(await TappedPeer.open({ attest, relay: place })) }
  }

  test('carries ciphertext alone: what the provider reads is not in what the relay sees', async () => {
    await using stack = new AsyncDisposableStack()
    const { relay, tap, peer } = await openRelayed(stack)
    for (const relays of ['any', [relay.peerId]] as const) {
      const consumer = await openConsumer(stack, { peers: [peer], relays })
      await consumer.ask()
      assert.ok(peer.plaintext().includes(consumer.marker))
      assert.ok(tap.bytes().byteLength > peer.plaintext().byteLength)
      assert.ok(!tap.bytes().includes(consumer.marker))
      assert.equal(peer.tap.connections, 0)
    }
  })

  test('is not even dialed where the policy has no relays, or others', async () => {
    await using stack = new AsyncDisposableStack()
    const { tap, peer } = await openRelayed(stack)
    const before = tap.connections
    for (const relays of [[], [newSigner().peerId]])
      for (const discovery of ['honest', 'bypassed'] as const) {
        const consumer = await openConsumer(stack, { peers: [peer], relays, discovery })
        const code = await consumer.ask()
        const isUnknown = discovery === 'honest'
        assert.equal(code, isUnknown ? 'HANSE_MODEL_UNKNOWN' : 'HANSE_PROVIDER_UNREACHABLE')
        assert.ok(!tap.bytes().includes(consumer.marker))
        assert.deepEqual(await noted(consumer), [
          {
            place: isUnknown ? 'discovery' : 'before-prompt',
            reason: 'relay-excluded',
            country: isUnknown ? '' : 'DE',
            about: peer.peerId,
          },
        ])
      }
    assert.equal(tap.connections, before)
    assert.equal(peer.plaintext().byteLength, 0)
  })
})

test('a tap hears what is not encrypted, so that its silence means something', async () => {
  await using stack = new AsyncDisposableStack()
  const peer = stack.use(await TappedPeer.open())
  const { port } = peer.tap
  const response = await fetch(`http://127.0.0.1:${port}/marker-in-the-clear`).catch(
    () => undefined,
  )
  assert.equal(response, undefined)
  assert.ok(peer.tap.bytes().includes('marker-in-the-clear'))
})
