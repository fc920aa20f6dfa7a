import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import {
  encodeCanonical,
  modelKey,
  OFFER_PROTOCOL,
  offer,
  offerKey,
  picoEuro,
  type SignedRecord,
  signedFields,
  signerOf,
  signRecord,
} from '@hanse/protocol'
import { makeAttestation } from '@hanse/protocol/testing'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { test } from 'vitest'
import { findTwin, type Network, openNetwork, seedOf } from '../network/index.ts'
import { encodeOfferValue, openOfferValue, selectNewestOffer } from '../network/offer-records.ts'
import { OfferDirectory } from './offer-directory.ts'

const NETWORK = 'test'
const MODEL = 'test/model'
const LOOPBACK = '/ip4/127.0.0.1/tcp/0'

async function openNode(
  privateKey: Ed25519PrivateKey,
  options: { relay?: boolean; dhtClient?: boolean } = {},
): Promise<Network> {
  return await openNetwork({
    privateKey,
    listen: [LOOPBACK],
    lan: true,
    dhtClient: false,
    validateRecord: async (key, value) => {
      openOfferValue({ network: NETWORK }, key, value, Date.now())
    },
    selectRecord: (_key, values) => selectNewestOffer(values),
    ...options,
  })
}

async function openNewNode(options: { relay?: boolean; dhtClient?: boolean } = {}) {
  return await openNode(await generateKeyPair('Ed25519'), options)
}

function offerOf(
  network: Network,
  privateKey: Ed25519PrivateKey,
  now = Date.now(),
  model = MODEL,
): SignedRecord {
  const signer = signerOf(seedOf(privateKey))
  const price = picoEuro(1n)
  return signRecord(
    { network: NETWORK },
    offer,
    {
      provider: signer.peerId,
      sequence: BigInt(now),
      issuedAt: now,
      notAfter: now + 600_000,
      addresses: network.addresses(),
      country: 'DE',
      attestations: [],
      gpus: [],
      models: [
        {
          id: model,
          aliases: [],
          digest: null,
          quantization: null,
          contextLength: 100,
          maxOutputTokens: 10,
          inputPrice: price,
          outputPrice: price,
          slots: 1,
          freeSlots: 1,
          tokensPerSecond: null,
          capabilities: [],
        },
      ],
      minAuthorization: picoEuro(0n),
      unsecuredCredit: picoEuro(0n),
      protocolVersions: ['1.0.0'],
    },
    'provider',
    signer,
  )
}

/** A provider as far as a directory sees it. */
async function openProvider(
  privateKey: Ed25519PrivateKey,
  bootstrap: Network,
  model = MODEL,
  attestations: readonly SignedRecord[] = [],
): Promise<Network> {
  const network = await openNode(privateKey)
  network.keepConnected(bootstrap.addresses(), 200)
  await network.whenConnected(AbortSignal.timeout(10_000))
  const signed = offerOf(network, privateKey, Date.now(), model)
  await network.handle(OFFER_PROTOCOL, async (frames) => {
    const attested = attestations.map(signedFields)
    frames.write(encodeCanonical({ offer: signedFields(signed), attestations: attested }))
    await frames.end()
  })
  await network.provide(modelKey(model, '*'), { signal: AbortSignal.timeout(10_000) })
  await network.putValue(offerKey(network.peerId), encodeOfferValue(signed), {
    signal: AbortSignal.timeout(10_000),
  })
  return network
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await holds()) return
    await delay(200)
  }
  assert.fail(`never: ${what}`)
}

test('a provider that dies is dropped, and found again when it comes back on another port', async () => {
  await using stack = new AsyncDisposableStack()
  const bootstrap = stack.use(await openNewNode({ relay: true }))
  const consumer = stack.use(await openNewNode({ dhtClient: true }))
  consumer.keepConnected(bootstrap.addresses(), 200)
  await consumer.whenConnected(AbortSignal.timeout(10_000))
  const directory = new OfferDirectory({
    network: consumer,
    context: { network: NETWORK },
    now: Date.now,
  })
  const privateKey = await generateKeyPair('Ed25519')
  const addresses = async () =>
    (await directory.find(MODEL, ['*'])).map(({ offer: { addresses: at } }) => at.join())
  const first = await openProvider(privateKey, bootstrap)
  try {
    await until('found', async () => (await addresses()).length === 1)
  } finally {
    await first.stop()
  }
  // The DHT goes on listing it; what fails to answer is not shown, a request later at most.
  directory.drop(first.peerId)
  await until('dropped', async () => (await addresses()).length === 0)
  const second = stack.use(await openProvider(privateKey, bootstrap))
  assert.notDeepEqual(second.addresses(), first.addresses())
  await until('found again', async () => (await addresses())[0] === second.addresses().join())
})

test('the one provider of a model that failed is asked again at once, whoever else offers other models', async () => {
  await using stack = new AsyncDisposableStack()
  const bootstrap = stack.use(await openNewNode({ relay: true }))
  const consumer = stack.use(await openNewNode({ dhtClient: true }))
  consumer.keepConnected(bootstrap.addresses(), 200)
  await consumer.whenConnected(AbortSignal.timeout(10_000))
  const context = { network: NETWORK }
  // Its clock stands still: what was looked up stays fresh.
  const now = Date.now()
  const directory = new OfferDirectory({ network: consumer, context, now: () => now })
  const other = 'test/other'
  const one = stack.use(await openProvider(await generateKeyPair('Ed25519'), bootstrap))
  stack.use(await openProvider(await generateKeyPair('Ed25519'), bootstrap, other))
  for (const model of [MODEL, other])
    await until('found', async () => (await directory.find(model, ['*'])).length === 1)
  directory.drop(one.peerId)
  assert.equal((await directory.find(MODEL, ['*'])).length, 1)
})

test('an identity that signs on two machines is noticed by either, and a restart is not', async () => {
  await using stack = new AsyncDisposableStack()
  const bootstrap = stack.use(await openNewNode({ relay: true }))
  const privateKey = await generateKeyPair('Ed25519')
  const context = { network: NETWORK }
  const before = Date.now() - 1
  const node = stack.use(await openProvider(privateKey, bootstrap))
  const look = async (startedAt: number, isOwn = false) =>
    await findTwin({
      network: node,
      context,
      startedAt,
      isOwn: () => isOwn,
      now: Date.now,
      signal: AbortSignal.timeout(10_000),
    })
  assert.equal(await look(before), undefined)
  // The copy of the identity file elsewhere puts its own offer.
  const elsewhere = stack.use(await openNewNode())
  elsewhere.keepConnected(bootstrap.addresses(), 200)
  await elsewhere.whenConnected(AbortSignal.timeout(10_000))
  const copied = offerOf(elsewhere, privateKey, Date.now() + 1)
  await elsewhere.putValue(offerKey(node.peerId), encodeOfferValue(copied), {
    signal: AbortSignal.timeout(10_000),
  })
  assert.deepEqual((await look(before))?.addresses, elsewhere.addresses())
  assert.equal(await look(Date.now() + 60_000), undefined)
  // A node that has moved knows what it signed where it was.
  assert.equal(await look(before, true), undefined)
})

test('an attestation that is revoked is gone from offers at once, without asking again', async () => {
  await using stack = new AsyncDisposableStack()
  const bootstrap = stack.use(await openNewNode({ relay: true }))
  const consumer = stack.use(await openNewNode({ dhtClient: true }))
  consumer.keepConnected(bootstrap.addresses(), 200)
  await consumer.whenConnected(AbortSignal.timeout(10_000))
  const [kept, taken] = [makeAttestation(), makeAttestation({ notAfter: Date.now() + 1 })]
  const privateKey = await generateKeyPair('Ed25519')
  stack.use(await openProvider(privateKey, bootstrap, MODEL, [kept, taken]))
  const revoked = new Set<string>()
  const directory = new OfferDirectory({
    network: consumer,
    context: { network: NETWORK },
    now: Date.now,
    isRevoked: (cid) => revoked.has(cid),
  })
  await until('found', async () => (await directory.find(MODEL, ['*'])).length === 1)
  const counts = async () =>
    (await directory.find(MODEL, ['*'])).map(({ attestations, signedAttestations }) => [
      attestations.length,
      signedAttestations.length,
    ])
  assert.deepEqual(await counts(), [[2, 2]])
  revoked.add(taken.cid.toString())
  assert.deepEqual(await counts(), [[1, 1]])
})
