import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  attestationRevocationSigners,
  attestationRevocations,
  attestationSigners,
  type LandmarkPing,
  landmarkPing,
  openSigned,
  picoEuro,
  type RegionAttestation,
  regionAttestation,
  type SignedRecord,
  type Signer,
  signRecord,
  signRequest,
} from '@hanse/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { renewAttestations } from '../attestations/jobs.ts'
import { writeSubmissions } from '../receipts/submission.ts'
import { openSettlement, type Settlement } from '../settlement.ts'
import { prepareDataDir } from '../testing/database-template.ts'
import { makeDeal, newSigner } from '../testing/deals.ts'
import { NETWORK } from '../testing/market.ts'
import { toSignedJson } from './schemas.ts'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
// The data set that ships says so of networks that have been where they are for decades.
const GERMAN = '193.99.144.80'
const FINNISH = '195.148.124.1'
const AMERICAN = '8.8.8.8'
const FRANKFURT = { signer: newSigner(), latitudeE4: 501_100, longitudeE4: 86_800 }
const NEW_YORK = { signer: newSigner(), latitudeE4: 407_100, longitudeE4: -740_100 }
type Landmark = typeof FRANKFURT

let now = Date.now()
let folder: string
let settlement: Settlement
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-attestations-'))
  await prepareDataDir(folder)
  settlement = await openSettlement({
    dataDir: folder,
    network: NETWORK,
    now: () => now,
    pressure: { eventLoopMs: Infinity },
    landmarks: [FRANKFURT, NEW_YORK].map(({ signer: { peerId }, latitudeE4, longitudeE4 }) => ({
      peerId,
      latitude: latitudeE4 / 10_000,
      longitude: longitudeE4 / 10_000,
      address: `/ip4/192.0.2.1/tcp/4001/p2p/${peerId}`,
    })),
  })
})
afterAll(async () => {
  await settlement?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** @param from the address that the request comes from */
async function ask(
  signer: Signer,
  method: 'GET' | 'POST',
  url: string,
  json?: object,
  from = '127.0.0.1',
) {
  const body = json === undefined ? undefined : Buffer.from(JSON.stringify(json))
  const facts = { method, url, network: NETWORK, settlement: settlement.peerId, at: now }
  const headers = {
    ...signRequest(signer, { ...facts, ...(body && { body }) }),
    ...(body && { 'content-type': 'application/json' }),
  }
  const request = { method, url, headers, remoteAddress: from, ...(body && { payload: body }) }
  const response = await settlement.app.inject(request)
  // biome-ignore lint/suspicious/noExplicitAny: the shapes are what the tests are about
  return { status: response.statusCode, body: response.json<any>() }
}

/** As anybody may read them. */
async function shownPings(provider: string) {
  const response = await settlement.app.inject({ url: `/v1/providers/${provider}/pings` })
  // biome-ignore lint/suspicious/noExplicitAny: as above
  return { status: response.statusCode, body: response.json<any>() }
}

async function operator(method: 'GET' | 'POST', url: string, json?: object) {
  const headers = { authorization: `Bearer ${settlement.operatorToken}` }
  const request = { method, url, headers, ...(json && { payload: json }) }
  // biome-ignore lint/suspicious/noExplicitAny: as above
  return (await settlement.app.inject(request)).json<any>()
}

const submit = (signer: Signer, json: object = {}, from?: string) =>
  ask(signer, 'POST', '/v1/attestations', json, from)
const challenge = (signer: Signer) => ask(signer, 'POST', '/v1/attestations/challenges', {})

/** One that has declared Germany, and has no payout account. */
async function newProvider(): Promise<Signer> {
  const signer = newSigner()
  await settlement.store.addProvider({
    peerId: signer.peerId,
    country: 'DE',
    feeBps: 0,
    binding: new Uint8Array(1),
    at: now,
  })
  return signer
}

async function setPayable(signer: Signer, payable: boolean): Promise<void> {
  await settlement.store.setProviderAccount(signer.peerId, `acct_${signer.peerId.slice(-8)}`)
  await settlement.store.setProviderPayable(signer.peerId, payable, now)
}

function ping(
  subject: Signer,
  nonce: string,
  { signer, latitudeE4, longitudeE4 }: Landmark,
  changes: Partial<LandmarkPing> = {},
): SignedRecord {
  const value = {
    landmark: signer.peerId,
    subject: subject.peerId,
    latitudeE4,
    longitudeE4,
    roundTripUs: 500,
    nonce: new Uint8Array(Buffer.from(nonce, 'base64')),
    at: now,
    notAfter: now + MINUTE_MS,
    ...changes,
  }
  return signRecord({ network: NETWORK }, landmarkPing, value, 'landmark', signer)
}

/** A provider that takes a challenge and has itself measured, here by these landmarks. */
async function measured(signer: Signer, pings: (nonce: string) => SignedRecord[]) {
  const { body } = await challenge(signer)
  return submit(signer, { nonce: body.nonce, pings: pings(body.nonce).map(toSignedJson) })
}

// biome-ignore lint/suspicious/noExplicitAny: parsed JSON
function open({ body }: { body: any }): RegionAttestation & { readonly name: string } {
  const signed = fromJson(body.attestation)
  const opened = openSigned({ network: NETWORK }, regionAttestation, signed, attestationSigners)
  return { ...opened.value, name: opened.cid.toString() }
}

// biome-ignore lint/suspicious/noExplicitAny: parsed JSON
const fromJson = (json: any): SignedRecord => ({
  bytes: Buffer.from(json.bytes, 'base64'),
  signatures: json.signatures.map((one: { signature: string }) => ({
    ...one,
    signature: Buffer.from(one.signature, 'base64'),
  })),
})

/** What a consumer that has read nothing yet is told is revoked. */
async function revokedNames(): Promise<string[]> {
  const response = await settlement.app.inject('/v1/attestations/revoked')
  const { list } = response.json()
  const context = { network: NETWORK }
  const opened = openSigned(
    context,
    attestationRevocations,
    fromJson(list),
    attestationRevocationSigners,
  )
  expect(opened.value.issuer).toBe(settlement.peerId)
  return opened.value.revoked.map(String)
}

async function loggedKinds(record: string): Promise<string[]> {
  const { rows } = await settlement.store.executeSql(
    `select kind from log_event where record = '${record}' order by id`,
  )
  return rows.map((row) => String((row as { kind: unknown }).kind))
}

describe('evidence', () => {
  test('nothing is attested of whoever has only said where they are', async () => {
    const provider = await newProvider()
    const { body } = await submit(provider)
    expect(body).toMatchObject({
      attestation: null,
      refusal: { reason: 'no-evidence', detail: null },
      evidence: [],
    })
  })

  test('an address counts with its data set and version, and is not kept', async () => {
    const provider = await newProvider()
    const attested = open(await submit(provider, {}, GERMAN))
    expect(attested).toMatchObject({ country: 'DE', level: 2 })
    expect(attested.evidence).toEqual([
      { kind: 'declared' },
      {
        kind: 'geoip',
        dataset: expect.stringMatching(/^geo-whois-asn-country \d+\.\d+\.\d+$/u),
        country: 'DE',
      },
    ])
    const { rows } = await settlement.store.executeSql('select * from location_evidence')
    expect(JSON.stringify(rows)).not.toContain(GERMAN)
    expect(await loggedKinds(attested.name)).toEqual(['attestation-issued'])
  })

  test('a network that a neighbour in the EEA registered says neither yes nor no', async () => {
    const provider = await newProvider()
    const { body } = await submit(provider, {}, FINNISH)
    expect(body).toMatchObject({
      refusal: { reason: 'no-evidence' },
      evidence: [{ kind: 'geoip', country: 'FI', outcome: 'open' }],
    })
  })

  test('a circle that leaves one country counts, and the attestation cites the measurement', async () => {
    const provider = await newProvider()
    const { body } = await challenge(provider)
    expect(body.landmarks).toHaveLength(2)
    const near = ping(provider, body.nonce, FRANKFURT)
    const answer = await submit(provider, { nonce: body.nonce, pings: [toSignedJson(near)] })
    const { evidence, level } = open(answer)
    expect(level).toBe(2)
    expect(evidence[1]).toMatchObject({ kind: 'latency', country: 'DE' })
    expect(answer.body.evidence[0].pings).toEqual([toSignedJson(near)])
    // Whoever reads the attestation can check what it cites.
    const shown = await shownPings(provider.peerId)
    expect(shown.body).toEqual({ pings: [toSignedJson(near)] })
  })

  test('of a stranger, and of measurements that no attestation cites, nothing is shown', async () => {
    const stranger = await shownPings(newSigner().peerId)
    expect(stranger.body.code).toBe('HANSE_PROVIDER_UNKNOWN')
    const provider = await newProvider()
    await measured(provider, (nonce) => [ping(provider, nonce, FRANKFURT, { roundTripUs: 9_000 })])
    expect((await shownPings(provider.peerId)).body).toEqual({ pings: [] })
  })

  test('circles that leave other countries too leave the question open', async () => {
    const provider = await newProvider()
    const { body } = await measured(provider, (nonce) => [
      ping(provider, nonce, FRANKFURT, { roundTripUs: 8_000 }),
    ])
    expect(body.refusal).toEqual({ reason: 'no-evidence', detail: null })
    expect(body.evidence).toMatchObject([{ kind: 'latency', outcome: 'open' }])
    expect(body.evidence[0].reference).toContain('CH')
  })

  test('all kinds together give the level of the strongest', async () => {
    const provider = await newProvider()
    await setPayable(provider, true)
    await submit(provider, {}, GERMAN)
    const { evidence, level } = open(
      await measured(provider, (nonce) => [ping(provider, nonce, FRANKFURT)]),
    )
    expect(level).toBe(3)
    expect(evidence.map(({ kind }) => kind)).toEqual([
      'declared',
      'payout-account',
      'geoip',
      'latency',
    ])
  })
})

describe('measurements are refused', () => {
  const other = newSigner()
  type Case = readonly [string, (subject: Signer, nonce: string) => SignedRecord]
  const cases: readonly Case[] = [
    ['of another subject', (_, nonce) => ping(other, nonce, FRANKFURT)],
    [
      'for another nonce',
      (subject) => ping(subject, Buffer.alloc(16).toString('base64'), FRANKFURT),
    ],
    [
      'by a landmark that nobody knows',
      (subject, nonce) => ping(subject, nonce, { ...FRANKFURT, signer: other }),
    ],
    [
      'by a landmark that says it is elsewhere',
      (subject, nonce) => ping(subject, nonce, { ...FRANKFURT, latitudeE4: 520_000 }),
    ],
    [
      'that are expired',
      (subject, nonce) => ping(subject, nonce, FRANKFURT, { at: now - 2, notAfter: now - 1 }),
    ],
    [
      'from before the challenge',
      (subject, nonce) => ping(subject, nonce, FRANKFURT, { at: now - DAY_MS }),
    ],
    [
      'from the future',
      (subject, nonce) =>
        ping(subject, nonce, FRANKFURT, { at: now + DAY_MS, notAfter: now + 2 * DAY_MS }),
    ],
  ]
  test.each(cases)('%s', async (_, made) => {
    const provider = await newProvider()
    const answer = await measured(provider, (nonce) => [made(provider, nonce)])
    expect(answer).toMatchObject({ status: 422, body: { code: 'HANSE_LOCATION_EVIDENCE' } })
  })

  test('that are forged', async () => {
    const provider = await newProvider()
    const answer = await measured(provider, (nonce) => {
      const { bytes } = ping(provider, nonce, FRANKFURT, { roundTripUs: 1 })
      return [{ ...ping(provider, nonce, FRANKFURT), bytes }]
    })
    expect(answer.body.code).toBe('HANSE_SIGNATURE_INVALID')
  })

  test('that are replayed, also within their time', async () => {
    const provider = await newProvider()
    const { body } = await challenge(provider)
    const json = {
      nonce: body.nonce,
      pings: [toSignedJson(ping(provider, body.nonce, FRANKFURT))],
    }
    expect((await submit(provider, json)).status).toBe(200)
    expect((await submit(provider, json)).body.code).toBe('HANSE_LOCATION_EVIDENCE')
  })

  test('for a challenge of another provider, or one that is too old', async () => {
    const [one, two] = [await newProvider(), await newProvider()]
    const { nonce } = (await challenge(one)).body
    const taken = { nonce, pings: [toSignedJson(ping(two, nonce, FRANKFURT))] }
    expect((await submit(two, taken)).body.code).toBe('HANSE_LOCATION_EVIDENCE')
    now += 16 * MINUTE_MS
    const late = { nonce, pings: [toSignedJson(ping(one, nonce, FRANKFURT))] }
    expect((await submit(one, late)).body.code).toBe('HANSE_LOCATION_EVIDENCE')
  })

  test('of who is not bound, or does not sign', async () => {
    expect((await submit(newSigner())).body.code).toBe('HANSE_PROVIDER_UNKNOWN')
    const bare = { method: 'POST', url: '/v1/attestations', payload: {} } as const
    expect((await settlement.app.inject(bare)).statusCode).toBe(401)
  })
})

describe('an attestation ends', () => {
  test('at once when light says that the provider is elsewhere, whatever else speaks for it', async () => {
    const provider = await newProvider()
    await setPayable(provider, true)
    const before = open(await submit(provider, {}, GERMAN))
    const moved = await measured(provider, (nonce) => [
      ping(provider, nonce, NEW_YORK, { roundTripUs: 5_000 }),
    ])
    expect(moved.body).toMatchObject({
      attestation: null,
      refusal: { reason: 'contradicted', detail: 'latency' },
    })
    expect(await revokedNames()).toContain(before.name)
    expect(await loggedKinds(before.name)).toEqual(['attestation-issued', 'attestation-revoked'])
    await operator('POST', `/v1/admin/attestations/${provider.peerId}/documents`, {
      country: 'DE',
      reference: 'file 12',
    })
    expect((await submit(provider)).body.refusal.reason).toBe('contradicted')
  })

  test('when its address is outside the EEA, until an operator has checked documents', async () => {
    const provider = await newProvider()
    await setPayable(provider, true)
    const before = open(await submit(provider, {}, GERMAN))
    const moved = await submit(provider, {}, AMERICAN)
    expect(moved.body.refusal).toEqual({ reason: 'contradicted', detail: 'geoip' })
    expect(await revokedNames()).toContain(before.name)
    now += 1
    const checked = await operator('POST', `/v1/admin/attestations/${provider.peerId}/documents`, {
      country: 'DE',
      reference: 'file 13',
    })
    expect(open({ body: checked })).toMatchObject({ level: 4 })
  })

  test('when the operator says so, and a new one is given only when that is lifted', async () => {
    const provider = await newProvider()
    const path = `/v1/admin/attestations/${provider.peerId}`
    const before = open(await submit(provider, {}, GERMAN))
    const blocked = await operator('POST', `${path}/revoke`, { reason: 'asked to leave' })
    expect(blocked).toMatchObject({
      attestation: null,
      refusal: { reason: 'blocked', detail: 'asked to leave' },
      attestations: [{ cid: before.name, reason: 'asked to leave' }],
    })
    expect(await revokedNames()).toContain(before.name)
    now += 1
    const after = open({ body: await operator('POST', `${path}/allow`) })
    expect(after.name).not.toBe(before.name)
    expect(await revokedNames()).not.toContain(after.name)
  })

  test('with the payout account that it rests on; the same account gives a new one', async () => {
    const provider = await newProvider()
    await setPayable(provider, true)
    const before = open(await submit(provider))
    expect(before.level).toBe(3)
    await setPayable(provider, false)
    expect(await revokedNames()).toContain(before.name)
    expect((await submit(provider)).body.attestation).toBeNull()
    now += 1
    await setPayable(provider, true)
    expect(open(await submit(provider)).name).not.toBe(before.name)
  })

  test('after eight days, and the list of revocations forgets it then', async () => {
    const provider = await newProvider()
    const { name, notBefore, notAfter } = open(await submit(provider, {}, GERMAN))
    expect(notAfter - notBefore).toBe(8 * DAY_MS)
    await operator('POST', `/v1/admin/attestations/${provider.peerId}/revoke`, { reason: 'x' })
    expect(await revokedNames()).toContain(name)
    // Lists are dated ten seconds back at most.
    now = notAfter + 10_000
    expect(await revokedNames()).not.toContain(name)
  })
})

test('one day gives one record, and the job of the next day another, while the evidence is fresh', async () => {
  const provider = await newProvider()
  const first = open(await submit(provider, {}, GERMAN))
  expect(open(await ask(provider, 'GET', '/v1/attestations/self')).name).toBe(first.name)
  now += DAY_MS
  expect((await renewAttestations(settlement.context)).renewed).toBeGreaterThan(0)
  const second = open(await ask(provider, 'GET', '/v1/attestations/self'))
  expect(second.name).not.toBe(first.name)
  expect(await loggedKinds(second.name)).toEqual(['attestation-issued'])
  now += 30 * DAY_MS
  const { body } = await ask(provider, 'GET', '/v1/attestations/self')
  expect(body.refusal.reason).toBe('no-evidence')
})

test('who has read a list reads on from its end', async () => {
  const provider = await newProvider()
  const { name } = open(await submit(provider, {}, GERMAN))
  const { list } = (await settlement.app.inject('/v1/attestations/revoked')).json()
  const { until } = attestationRevocations.decode(fromJson(list).bytes)
  await operator('POST', `/v1/admin/attestations/${provider.peerId}/revoke`, { reason: 'x' })
  const next = (await settlement.app.inject(`/v1/attestations/revoked?since=${until}`)).json()
  const value = attestationRevocations.decode(fromJson(next.list).bytes)
  expect(value.revoked.map(String)).toEqual([name])
  expect(value.since).toBe(until)
})

test('what was accepted after consumers had heard of a revocation is not booked', async () => {
  const provider = await newProvider()
  await setPayable(provider, true)
  const price = { inputPrice: picoEuro(0n), outputPrice: picoEuro(0n) }
  const residency = { allow: ['EU'], minLevel: 3 }
  const sell = async () => {
    const parties = { network: NETWORK, consumer: newSigner(), provider }
    const deal = makeDeal({ ...parties, ...price, residency, at: now })
    const response = await settlement.app.inject({
      method: 'POST',
      url: '/v1/receipts',
      headers: { 'content-type': 'application/cbor' },
      payload: Buffer.from(writeSubmissions([deal.submission(0, 1)])),
    })
    const [result] = response.json().results
    return result.code ?? result.status
  }
  expect(await sell()).toBe('booked')
  const path = `/v1/admin/attestations/${provider.peerId}`
  await operator('POST', `${path}/revoke`, { reason: 'x' })
  expect(await sell()).toBe('booked')
  now += 5 * MINUTE_MS
  expect(await sell()).toBe('HANSE_POLICY_RESIDENCY')
  await operator('POST', `${path}/allow`)
  expect(await sell()).toBe('booked')
  await measured(provider, (nonce) => [ping(provider, nonce, NEW_YORK, { roundTripUs: 5_000 })])
  now += 5 * MINUTE_MS
  expect(await sell()).toBe('HANSE_POLICY_RESIDENCY')
})
