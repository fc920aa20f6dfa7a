import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RevokedAttestations, SettlementClient } from '@hanse/node'
import {
  type LandmarkPing,
  landmarkPing,
  type PeerId,
  type SignedRecord,
  type Signer,
  signedFields,
  signRecord,
  signRequest,
} from '@hanse/protocol'
import { openSettlement, type Settlement } from '@hanse/settlement'
import { prepareDataDir } from '@hanse/settlement/testing'
import { afterAll, beforeAll, test } from 'vitest'
import { newSigner } from '../support/residency/attest.ts'
import { EuConsumer, newMarker } from '../support/residency/eu-consumer.ts'
import { NETWORK, newIdentity, TappedPeer } from '../support/residency/tapped-peer.ts'

const MINUTE_MS = 60_000
const context = { network: NETWORK }
const log = { info: () => {}, warn: () => {} }
const FRANKFURT = { signer: newSigner(), latitudeE4: 501_100, longitudeE4: 86_800 }
const NEW_YORK = { signer: newSigner(), latitudeE4: 407_100, longitudeE4: -740_100 }
type Landmark = typeof FRANKFURT

const stack = new AsyncDisposableStack()
let settlement: Settlement

beforeAll(async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'hanse-moves-'))
  stack.defer(async () => await rm(dataDir, { recursive: true, force: true }))
  await prepareDataDir(dataDir)
  settlement = stack.use(
    await openSettlement({
      dataDir,
      network: NETWORK,
      pressure: { eventLoopMs: Infinity },
      landmarks: [FRANKFURT, NEW_YORK].map(({ signer: { peerId }, latitudeE4, longitudeE4 }) => ({
        peerId,
        latitude: latitudeE4 / 10_000,
        longitude: longitudeE4 / 10_000,
        address: `/ip4/192.0.2.1/tcp/4001/p2p/${peerId}`,
      })),
    }),
  )
})
afterAll(async () => await stack.disposeAsync())

/** A provider with documents that the operator checked, and a way to be measured as it likes. */
async function openAttested() {
  const identity = await newIdentity()
  const { signer } = identity
  const client = new SettlementClient({ url: settlement.url, context, signer, now: Date.now })
  await client.bindProvider('DE', settlement.peerId as PeerId)
  await operator(`${signer.peerId}/documents`, { country: 'DE', reference: 'file 12' })
  const { attestation } = await client.providerAccount()
  assert.ok(attestation !== undefined)
  const peer = await TappedPeer.open({ identity, attest: () => [attestation] })
  return { signer, client, peer, attestation }
}

async function operator(path: string, json: object): Promise<void> {
  const response = await fetch(`${settlement.url}/v1/admin/attestations/${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${settlement.operatorToken}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(json),
  })
  assert.equal(response.status, 200, await response.text())
}

interface Told {
  readonly nonce?: string
  readonly code?: string
  readonly attestation?: object | null
}

/** As the provider itself, whose key it is. */
async function post(signer: Signer, path: string, json: object): Promise<Told> {
  const body = Buffer.from(JSON.stringify(json))
  const at = Date.now()
  const facts = { method: 'POST', url: path, network: NETWORK, settlement: settlement.peerId, at }
  const headers = { ...signRequest(signer, { ...facts, body }), 'content-type': 'application/json' }
  const response = await fetch(`${settlement.url}${path}`, { method: 'POST', headers, body })
  return (await response.json()) as Told
}

function ping(
  subject: PeerId,
  nonce: string,
  { signer, latitudeE4, longitudeE4 }: Landmark,
  roundTripUs: number,
): SignedRecord {
  const value: LandmarkPing = {
    landmark: signer.peerId,
    subject,
    latitudeE4,
    longitudeE4,
    roundTripUs,
    nonce: new Uint8Array(Buffer.from(nonce, 'base64')),
    at: Date.now(),
    notAfter: Date.now() + MINUTE_MS,
  }
  return signRecord(context, landmarkPing, value, 'landmark', signer)
}

const toJson = (signed: SignedRecord) => {
  const { bytes, signatures } = signedFields(signed)
  return {
    bytes: Buffer.from(bytes).toString('base64'),
    signatures: signatures.map((one) => ({
      ...one,
      signature: Buffer.from(one.signature).toString('base64'),
    })),
  }
}

async function challenge(signer: Signer): Promise<string> {
  const { nonce } = await post(signer, '/v1/attestations/challenges', {})
  assert.ok(nonce !== undefined)
  return nonce
}

test('a provider that moves is refused at the next request once a landmark has seen it elsewhere', async () => {
  await using own = new AsyncDisposableStack()
  const { signer, client, peer } = await openAttested()
  own.use(peer)
  const revoked = own.use(new RevokedAttestations({ context, settlement: client, log }))
  const consumer = own.use(
    await EuConsumer.open({
      peers: [peer],
      trustedAttestors: [settlement.peerId],
      policy: { minLevel: 4 },
      isRevoked: (cid) => revoked.has(cid),
    }),
  )
  await revoked.poll()
  await consumer.ask()
  assert.ok(peer.plaintext().includes(consumer.marker))
  assert.deepEqual(await consumer.refusals(), [])

  // Answered from within 750 km of New York, it is not in Germany, whatever its documents say.
  const nonce = await challenge(signer)
  const pings = [toJson(ping(signer.peerId, nonce, NEW_YORK, 5_000))]
  const told = await post(signer, '/v1/attestations', { nonce, pings })
  assert.equal(told.attestation, null)
  await revoked.poll()
  const before = peer.plaintext().byteLength
  const marker = newMarker()
  assert.equal(await consumer.ask(marker), 'HANSE_NO_PROVIDER')
  assert.deepEqual(
    (await consumer.refusals()).map(({ place, reason }) => ({ place, reason })),
    [{ place: 'discovery', reason: 'revoked' }],
  )
  assert.equal(peer.plaintext().byteLength, before)
  for (const bytes of [peer.plaintext(), peer.tap.bytes()]) assert.ok(!bytes.includes(marker))
  assert.equal((await client.providerAccount()).attestation, undefined)
})

test('a measurement that is replayed, of another node or for another challenge is evidence of nothing', async () => {
  await using own = new AsyncDisposableStack()
  const one = await openAttested()
  const other = await openAttested()
  own.use(one.peer)
  own.use(other.peer)
  const nonce = await challenge(one.signer)
  const near = toJson(ping(one.signer.peerId, nonce, FRANKFURT, 300))
  const shown = { nonce, pings: [near] }
  assert.ok((await post(one.signer, '/v1/attestations', shown)).attestation)
  // The same once more, under a new challenge, and in the name of another provider.
  assert.equal((await post(one.signer, '/v1/attestations', shown)).code, 'HANSE_LOCATION_EVIDENCE')
  const fresh = { nonce: await challenge(one.signer), pings: [near] }
  assert.equal((await post(one.signer, '/v1/attestations', fresh)).code, 'HANSE_LOCATION_EVIDENCE')
  const stolen = { nonce: await challenge(other.signer), pings: [near] }
  assert.equal(
    (await post(other.signer, '/v1/attestations', stolen)).code,
    'HANSE_LOCATION_EVIDENCE',
  )
})
