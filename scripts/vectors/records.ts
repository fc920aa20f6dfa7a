import {
  ANYWHERE,
  acceptance,
  attestationRevocations,
  authorizationRelease,
  cidOf,
  concat,
  deletionConfirmation,
  deletionRequest,
  encodeCanonical,
  landmarkEcho,
  landmarkPing,
  type Named,
  offer,
  order,
  type PeerId,
  picoEuro,
  providerBinding,
  quote,
  type Receipt,
  type Role,
  receipt,
  regionAttestation,
  rejection,
  revocationList,
  signEd25519,
  spendAuthorization,
  spotCheck,
} from '@hanse/protocol'
import * as make from '@hanse/protocol/testing'
import { auditSamples } from './audit.ts'
import { tagged } from './json.ts'
import { type Sample, sampleOf } from './sample.ts'
import { statementSamples } from './statements.ts'

const { attestor, consumer, context, HOUR_MS, NOW, provider, settlement, toHex } = make

/** At least one of each type, and of each form that a type has. */
export function samples(): Sample[] {
  const ordered = make.makeOrder()
  const accepted = make.makeAcceptance(ordered)
  return [
    ...offers(),
    ...attestations(),
    sampleOf('landmark ping', landmarkPing, ping()),
    sampleOf('authorization', spendAuthorization, make.makeAuthorization()),
    sampleOf(
      'authorization that says where',
      spendAuthorization,
      make.makeAuthorization({
        residency: { allow: ['EU'], minLevel: 3, evidence: ['payout-account'] },
      }),
    ),
    sampleOf(
      'binding',
      providerBinding,
      make.sign(
        providerBinding,
        {
          provider: provider.peerId,
          settlement: settlement.peerId,
          country: 'DE',
          issuedAt: NOW,
          notAfter: NOW + HOUR_MS,
        },
        'provider',
        provider,
      ),
    ),
    sampleOf('landmark echo', landmarkEcho, make.makeEcho()),
    sampleOf('revoked attestations', attestationRevocations, make.makeRevokedAttestations()),
    sampleOf('revocations', revocationList, make.makeRevocations()),
    sampleOf('release', authorizationRelease, make.makeRelease()),
    sampleOf('deletion request', deletionRequest, make.makeDeletionRequest()),
    sampleOf(
      'deletion request that names nodes alone',
      deletionRequest,
      make.makeDeletionRequest({ part: 1, authorizations: [] }),
    ),
    sampleOf('deletion confirmation', deletionConfirmation, make.makeDeletionConfirmation()),
    sampleOf(
      'deletion confirmation of nothing',
      deletionConfirmation,
      make.makeDeletionConfirmation({ sequence: 1, erased: [], kept: [] }),
    ),
    sampleOf('order', order, ordered),
    ...answers(ordered.cid),
    sampleOf('acceptance', acceptance, accepted),
    ...make
      .makeReceipts(ordered, accepted)
      .map((record, i) => sampleOf(`receipt ${i}`, receipt, record)),
    ...widths(make.makeReceipts(ordered, accepted)[1]?.value),
    ...statementSamples(),
    ...auditSamples(),
    ...spotChecks(),
  ]
}

function offers(): Sample[] {
  const plain = make.makeOffer()
  const [model] = plain.value.models
  if (model === undefined) throw new Error('an offer without models')
  const least = {
    sequence: 0n,
    addresses: [],
    attestations: [],
    gpus: [],
    models: [{ ...model, aliases: [], digest: null, quantization: null, tokensPerSecond: null }],
  }
  const many = {
    sequence: 8n,
    country: 'FR',
    gpus: [
      { name: 'H200', vramBytes: 151_397_597_184n, count: 8 },
      { name: 'RTX 4090', vramBytes: 25_769_803_776n, count: 2 },
    ],
    models: [
      model,
      { ...model, id: 'a/b', aliases: ['b', 'B 2 é'], capabilities: ['chat', 'tools'] },
    ],
    minAuthorization: picoEuro(10n ** 9n),
    unsecuredCredit: picoEuro(5n * 10n ** 9n),
  }
  return [
    sampleOf('offer', offer, plain),
    sampleOf('offer with little in it', offer, make.makeOffer(least)),
    sampleOf('offer of two models', offer, make.makeOffer(many)),
  ]
}

function attestations(): Sample[] {
  const all = make.makeAttestation({
    evidence: [
      { kind: 'declared' },
      { kind: 'geoip', dataset: 'geo 2026-10', country: 'DE' },
      { kind: 'payout-account', account: 'acct_test', country: 'DE' },
      { kind: 'latency', pings: [ping().cid, linkOf('another ping')], country: 'DE' },
      { kind: 'operator', reference: 'file 12' },
    ],
    level: 4,
  })
  return [
    sampleOf('attestation', regionAttestation, make.makeAttestation()),
    sampleOf('attestation with all kinds of evidence', regionAttestation, all),
  ]
}

function ping() {
  return make.sign(
    landmarkPing,
    {
      landmark: attestor.peerId,
      subject: provider.peerId,
      latitudeE4: 525_200,
      longitudeE4: -134_050,
      roundTripUs: 2500,
      nonce: new Uint8Array(16).fill(7),
      at: NOW,
      notAfter: NOW + HOUR_MS,
    },
    'landmark',
    attestor,
  )
}

const linkOf = (text: string) => cidOf(new TextEncoder().encode(text))

function answers(orderCid: Named<unknown>['cid']): Sample[] {
  const cites = { order: orderCid, consumer: consumer.peerId, provider: provider.peerId }
  const asked = make.sign(
    quote,
    {
      ...cites,
      inputPrice: picoEuro(150_000n),
      outputPrice: picoEuro(250_000n),
      round: 1,
      notAfter: NOW + 10_000,
    },
    'provider',
    provider,
  )
  const answer = make.makeOrder({
    quote: asked.cid,
    nonce: new Uint8Array(16).fill(10),
    inputPrice: asked.value.inputPrice,
    outputPrice: asked.value.outputPrice,
  })
  const poor = make.makeOrder({ authorization: null, residency: ANYWHERE })
  const busy = {
    ...cites,
    code: 'HANSE_CAPACITY',
    message: 'busy',
    retryAfterMs: 1000,
    at: NOW,
  } as const
  const refused = { ...busy, code: 'HANSE_DRAINING', message: '', retryAfterMs: null } as const
  const picky = make.makeOrder({
    residency: { allow: ['DE', 'FR'], minLevel: 0, evidence: ['latency', 'operator'] },
  })
  return [
    sampleOf('order that asks for kinds of evidence', order, picky),
    sampleOf('quote', quote, asked),
    sampleOf('order that answers the quote', order, answer),
    sampleOf('order without an authorization, for anywhere', order, poor),
    sampleOf('rejection', rejection, make.sign(rejection, busy, 'provider', provider)),
    sampleOf('rejection for good', rejection, make.sign(rejection, refused, 'provider', provider)),
  ]
}

/** Integers on both sides of each change of length in CBOR, and of what a double holds exactly. */
function widths(value: Receipt | undefined): Sample[] {
  if (value === undefined) throw new Error('no receipt')
  const steps = [24n, 2n ** 8n, 2n ** 16n, 2n ** 32n, 2n ** 53n, 2n ** 63n]
  return steps.map((end) => {
    const changed = { ...value, outputTokens: end - 1n, sequence: end === 2n ** 63n ? 0n : end }
    return sampleOf(`receipt of ${end - 1n} tokens`, receipt, make.signReceipt(changed))
  })
}

export function recordsFile() {
  return {
    about:
      'Records of every type: their fields, the bytes that these encode to, the CID that names them, and each signature ' +
      'with the bytes that were signed. Fields are as they are in the record, which has its $type beside them.',
    network: context.network,
    records: samples().map(({ name, type, record: { bytes, cid, value, signatures } }) => ({
      name,
      type,
      fields: tagged(value),
      bytes: toHex(bytes),
      cid: cid.toString(),
      signatures: signatures.map(({ signer, role, signature }) => {
        const input = signingInput(context.network, role, type, bytes)
        checkInput(signer, input, signature)
        return { signer, role, input: toHex(input), signature: toHex(signature) }
      }),
    })),
  }
}

/** What is signed, built here once more from the description. */
export function signingInput(
  network: string,
  role: Role,
  type: string,
  bytes: Uint8Array,
): Uint8Array {
  const domain = new TextEncoder().encode(`hanse/${network}/${role}`)
  const parts = [domain, new TextEncoder().encode(type), bytes]
  return concat(parts.flatMap((part) => [varint(part.byteLength), part]))
}

export function varint(value: number): Uint8Array {
  return value < 128
    ? Uint8Array.of(value)
    : Uint8Array.of((value % 128) + 128, ...varint(Math.floor(value / 128)))
}

function checkInput(signer: PeerId, input: Uint8Array, signature: Uint8Array): void {
  const seed = [1, 2, 3, 4, 5].find((byte) => make.signerFrom(byte).peerId === signer)
  if (seed === undefined) throw new Error(`nobody's key: ${signer}`)
  const ours = signEd25519(new Uint8Array(32).fill(seed), input)
  if (toHex(ours) !== toHex(signature)) throw new Error('another signing input than described')
}

/** Bytes of a record with fields as they are, right or wrong. */
export function bytesOf(type: string, fields: object): Uint8Array {
  return encodeCanonical({ ...fields, $type: type })
}

function spotChecks(): Sample[] {
  const differs = { promised: false, agreed: 7n, divergence: 912_345 }
  return [
    sampleOf('spot check', spotCheck, make.makeSpotCheck()),
    sampleOf('spot check that found a difference', spotCheck, make.makeSpotCheck(differs)),
  ]
}
