import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadOrCreateIdentity, RevokedAttestations, SettlementClient, seedOf } from '@hanse/node'
import { type PeerId, type Signer, signerOf } from '@hanse/protocol'
import { openSettlement, type Settlement } from '@hanse/settlement'
import { prepareDataDir } from '@hanse/settlement/testing'
import { afterAll, beforeAll, test } from 'vitest'
import { Child } from '../../scripts/demo/child.ts'
import { hanse } from '../support/hanse.ts'

const HANSE = fileURLToPath(new URL('../../node/bin/hanse.mjs', import.meta.url))
const NETWORK = 'test'
const context = { network: NETWORK }
const log = { info: () => {}, warn: () => {} }

let folder: string
let landmark: Child
let settlement: Settlement
let signer: Signer
let client: SettlementClient
let env: Record<string, string>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-location-'))
  const listen = ['--listen', '/ip4/127.0.0.1/tcp/0', '--data-dir', join(folder, 'landmark')]
  const place = ['--landmark', 'Frankfurt,50.11,8.68', '--network', NETWORK]
  landmark = new Child('landmark', [HANSE, 'relay', '--json', ...listen, ...place], {
    cwd: folder,
    logPath: join(folder, 'landmark.log'),
  })
  const { peerId, addresses } = await landmark.event('ready')
  await prepareDataDir(join(folder, 'settlement'))
  settlement = await openSettlement({
    dataDir: join(folder, 'settlement'),
    network: NETWORK,
    pressure: { eventLoopMs: Infinity },
    landmarks: [
      {
        peerId: String(peerId),
        latitude: 50.11,
        longitude: 8.68,
        address: String((addresses as string[])[0]),
      },
    ],
  })
  signer = signerOf(seedOf(await loadOrCreateIdentity(join(folder, 'node', 'identity.key'))))
  client = new SettlementClient({ url: settlement.url, context, signer, now: Date.now })
  await client.bindProvider('DE', settlement.peerId as PeerId)
  env = {
    HANSE_DATA_DIR: join(folder, 'node'),
    HANSE_NETWORK: NETWORK,
    HANSE_SETTLEMENT_URL: settlement.url,
  }
})
afterAll(async () => {
  await settlement?.[Symbol.asyncDispose]()
  await landmark?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

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

test('a landmark measures a provider, settlement judges and attests it, and consumers know when it is revoked', async () => {
  const shown = await hanse(['provider', 'attest', '--json'], folder, env)
  const events = shown.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const [measured, location] = events
  assert.ok(measured.roundTripUs > 0, shown.stderr)
  // How near it comes on a busy machine is not ours to say; that it was judged is.
  assert.equal(location.event, 'location')
  const latency = location.evidence.find(({ kind }: { kind: string }) => kind === 'latency')
  assert.ok(['supports', 'open'].includes(latency.outcome))

  await operator(`${signer.peerId}/documents`, { country: 'DE', reference: 'file 12' })
  const { code, stdout, stderr } = await hanse(['provider', 'attest'], folder, env)
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^50\.11, 8\.68 \(….{8}\): \d+\.\d ms, so at most \d+ km away$/mu)
  assert.match(stdout, /^operator {2}DE, counts \(file 12\), until \d{4}-\d\d-\d\d$/mu)
  assert.match(stdout, /attested in DE, level 4, until/u)

  const { attestation } = await client.providerAccount()
  const cid = attestation?.cid.toString() ?? ''
  await using revoked = new RevokedAttestations({ context, settlement: client, log })
  await revoked.poll()
  assert.equal(revoked.has(cid), false)
  await operator(`${signer.peerId}/revoke`, { reason: 'asked to leave' })
  await revoked.poll()
  assert.equal(revoked.has(cid), true)
  assert.equal((await client.providerAccount()).attestation, undefined)
  const refused = await hanse(['provider', 'attest'], folder, env)
  assert.equal(refused.code, 1)
  assert.match(refused.stdout, /not attested: the operator of settlement has revoked it: asked to/u)
})
