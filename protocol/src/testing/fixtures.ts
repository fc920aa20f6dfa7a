import type { DocumentDigest } from '../audit/document-digest.ts'
import { type SpotCheck, spotCheck } from '../audit/spot-check.ts'
import { type SpendAuthorization, spendAuthorization } from '../authorization/authorization.ts'
import {
  type AuthorizationRelease,
  authorizationRelease,
  type RevocationList,
  revocationList,
} from '../authorization/revocation.ts'
import {
  type DeletionConfirmation,
  type DeletionRequest,
  deletionConfirmation,
  deletionRequest,
} from '../deletion/deletion.ts'
import { HanseError } from '../errors.ts'
import { type Signer, signerOf } from '../identity/keys.ts'
import { type Offer, offer } from '../market/offer.ts'
import { parsePrice, picoEuro } from '../money.ts'
import { exportBundle, type SessionEvidence } from '../receipt/bundle.ts'
import { commit, commitPrompt, EMPTY_TRANSCRIPT, extendTranscript } from '../receipt/commitment.ts'
import { priceTokens, type Receipt, receipt } from '../receipt/receipt.ts'
import type { Named, RecordType } from '../record/record.ts'
import { type Role, type SignedRecord, signBytes, signRecord } from '../record/signed.ts'
import { type RegionAttestation, regionAttestation } from '../region/attestation.ts'
import { type LandmarkEcho, landmarkEcho } from '../region/landmark.ts'
import { type AttestationRevocations, attestationRevocations } from '../region/revocation.ts'
import { type Acceptance, acceptance, type Order, order } from '../session/records.ts'
import { cidOf, utf8 } from '../wire.ts'

/** Fixed keys, times and records for tests of this and the other packages. */

type Platform = { readonly process?: { readonly versions?: { readonly node?: string } } }
/** Browsers run the pure JavaScript curve, fifty times slower: they get fewer runs of each property. */
const IN_NODE = (globalThis as Platform).process?.versions?.node !== undefined

/** How often properties run: `cheap` ones without signatures, `signed` with one or two, `session` with dozens. */
export const RUNS = IN_NODE
  ? { cheap: 1000, signed: 200, session: 150 }
  : { cheap: 200, signed: 20, session: 8 }

export const NETWORK = 'test'
export const context = { network: NETWORK } as const
/** 2026-11-02T00:00:00Z */
export const NOW = 1_793_577_600_000
export const HOUR_MS = 3_600_000

/** A signer from a seed of 32 equal bytes. */
export const signerFrom = (byte: number): Signer => signerOf(new Uint8Array(32).fill(byte))

export const consumer: Signer = signerFrom(1)
export const provider: Signer = signerFrom(2)
export const settlement: Signer = signerFrom(3)
export const attestor: Signer = signerFrom(4)
export const stranger: Signer = signerFrom(5)

export const consumerContext = { network: NETWORK, signer: consumer } as const
export const providerContext = { network: NETWORK, signer: provider } as const

export const SECRET: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => i)
export const PROMPT: Uint8Array = utf8('{"messages":[{"role":"user","content":"Hello"}]}')
export const INPUT_PRICE = parsePrice('0.10 EUR/Mtok')
export const OUTPUT_PRICE = parsePrice('0.20 EUR/Mtok')
export const MODEL = 'hanse/test-model:q4'

/** A record of any type signed by one signer. */
export function sign<Value>(
  type: RecordType<Value>,
  value: Value,
  role: Role,
  signer: Signer,
  network: string = NETWORK,
): Named<Value> & SignedRecord {
  return signRecord({ network }, type, value, role, signer)
}

export function makeAttestation(
  changes: Partial<RegionAttestation> = {},
): Named<RegionAttestation> & SignedRecord {
  return sign(
    regionAttestation,
    {
      subject: provider.peerId,
      country: 'DE',
      evidence: [
        { kind: 'declared' },
        { kind: 'payout-account', account: 'acct_test', country: 'DE' },
      ],
      level: 3,
      notBefore: NOW - HOUR_MS,
      notAfter: NOW + 24 * HOUR_MS,
      issuer: attestor.peerId,
      ...changes,
    },
    'attestor',
    attestor,
  )
}

export function makeOffer(changes: Partial<Offer> = {}): Named<Offer> & SignedRecord {
  return sign(
    offer,
    {
      provider: provider.peerId,
      sequence: 7n,
      issuedAt: NOW - HOUR_MS,
      notAfter: NOW + HOUR_MS,
      addresses: ['/ip4/127.0.0.1/tcp/4001'],
      country: 'DE',
      attestations: [makeAttestation().cid],
      gpus: [{ name: 'RTX 4090', vramBytes: 25_769_803_776n, count: 1 }],
      models: [
        {
          id: MODEL,
          aliases: ['test-model'],
          digest: `sha256:${'ab'.repeat(32)}`,
          quantization: 'q4',
          contextLength: 8192,
          capabilities: ['chat'],
          inputPrice: INPUT_PRICE,
          outputPrice: OUTPUT_PRICE,
          maxOutputTokens: 4096,
          slots: 4,
          freeSlots: 3,
          tokensPerSecond: 80,
        },
      ],
      minAuthorization: picoEuro(0n),
      unsecuredCredit: picoEuro(0n),
      protocolVersions: ['1.0.0'],
      ...changes,
    },
    'provider',
    provider,
  )
}

export function makeAuthorization(
  changes: Partial<SpendAuthorization> = {},
): Named<SpendAuthorization> & SignedRecord {
  return sign(
    spendAuthorization,
    {
      issuer: settlement.peerId,
      consumer: consumer.peerId,
      provider: provider.peerId,
      organization: 'org_test',
      limit: picoEuro(10n ** 12n),
      issuedAt: NOW - HOUR_MS,
      notAfter: NOW + 2 * HOUR_MS,
      serial: 1n,
      ...changes,
    },
    'settlement',
    settlement,
  )
}

/** Settlement's list of what to take no new orders under: two serials of the first eight revocations. */
export function makeRevocations(): Named<RevocationList> & SignedRecord {
  const value = { issuer: settlement.peerId, since: 0n, until: 8n, at: NOW, serials: [1n, 70_000n] }
  return sign(revocationList, value, 'settlement', settlement)
}

/** The attestor takes back `makeAttestation()`. */
export function makeRevokedAttestations(): Named<AttestationRevocations> & SignedRecord {
  const revoked = [makeAttestation().cid]
  const value = { issuer: attestor.peerId, since: 0n, until: 3n, at: NOW, revoked }
  return sign(attestationRevocations, value, 'attestor', attestor)
}

/** The provider answers a landmark's challenge. */
export function makeEcho(challenge = 7): Named<LandmarkEcho> & SignedRecord {
  return sign(
    landmarkEcho,
    {
      landmark: attestor.peerId,
      subject: provider.peerId,
      challenge: new Uint8Array(32).fill(challenge),
    },
    'provider',
    provider,
  )
}

/** The provider asks for no more of `makeAuthorization()` than a thousandth of it. */
export function makeRelease(): Named<AuthorizationRelease> & SignedRecord {
  return sign(
    authorizationRelease,
    {
      settlement: settlement.peerId,
      provider: provider.peerId,
      authorization: makeAuthorization().cid,
      claims: picoEuro(10n ** 9n),
      at: NOW,
    },
    'provider',
    provider,
  )
}

/** What a log holds of an invoice. */
export const DOCUMENT: DocumentDigest = {
  number: 'INV-2026-000001',
  sha256: Uint8Array.from({ length: 32 }, (_, i) => 0xd0 + (i % 16)),
  at: NOW,
}

/** Settlement asks the provider to erase what it has of `consumer`, under `makeAuthorization()`. */
export function makeDeletionRequest(
  changes: Partial<DeletionRequest> = {},
): Named<DeletionRequest> & SignedRecord {
  return sign(
    deletionRequest,
    {
      settlement: settlement.peerId,
      node: provider.peerId,
      side: 'provider',
      part: 0,
      consumers: [consumer.peerId],
      authorizations: [makeAuthorization().cid],
      at: NOW,
      dueAt: NOW + 21 * 24 * HOUR_MS,
      ...changes,
    },
    'settlement',
    settlement,
  )
}

/** The provider's answer: one session is gone, and one is not paid yet. */
export function makeDeletionConfirmation(
  changes: Partial<DeletionConfirmation> = {},
): Named<DeletionConfirmation> & SignedRecord {
  return sign(
    deletionConfirmation,
    {
      settlement: settlement.peerId,
      node: provider.peerId,
      side: 'provider',
      request: makeDeletionRequest().cid,
      sequence: 0,
      erased: [
        { class: 'receipts', count: 2n },
        { class: 'records', count: 3n },
        { class: 'sessions', count: 1n },
      ],
      kept: [
        { class: 'releases', reason: 'open', count: 1n, until: NOW + HOUR_MS },
        { class: 'sessions', reason: 'unsettled', count: 1n, until: null },
      ],
      at: NOW + 60_000,
      ...changes,
    },
    'provider',
    provider,
  )
}

/** An order on `makeOffer()` under `makeAuthorization()`, for `PROMPT` with `SECRET`. */
export function makeOrder(changes: Partial<Order> = {}): Named<Order> & SignedRecord {
  return sign(
    order,
    {
      consumer: consumer.peerId,
      provider: provider.peerId,
      offer: makeOffer().cid,
      model: MODEL,
      maxInputTokens: 100n,
      maxOutputTokens: 1000n,
      inputPrice: INPUT_PRICE,
      outputPrice: OUTPUT_PRICE,
      authorization: makeAuthorization().cid,
      residency: { allow: ['EU'], minLevel: 3 },
      promptCommitment: commitPrompt(SECRET, PROMPT),
      receiptEvery: 32n,
      creditWindow: picoEuro(100n * INPUT_PRICE + 200n * OUTPUT_PRICE),
      deadlineMs: 60_000,
      issuedAt: NOW - 1000,
      notAfter: NOW + 60_000,
      nonce: new Uint8Array(16).fill(9),
      quote: null,
      continues: null,
      ...changes,
    },
    'consumer',
    consumer,
  )
}

export function makeAcceptance(
  ordered: Named<Order> = makeOrder(),
  changes: Partial<Acceptance> = {},
): Named<Acceptance> & SignedRecord {
  return sign(
    acceptance,
    {
      order: ordered.cid,
      consumer: ordered.value.consumer,
      provider: ordered.value.provider,
      inputTokens: 10n,
      at: NOW,
      notAfter: NOW + ordered.value.deadlineMs + 60_000,
      determinism: null,
      ...changes,
    },
    'provider',
    provider,
  )
}

/** Signs a receipt by both sides. */
export function signReceipt(value: Receipt): Named<Receipt> & SignedRecord {
  const signed = sign(receipt, value, 'provider', provider)
  const ours = signBytes(context, receipt, signed.bytes, 'consumer', consumer)
  return { ...signed, signatures: [...signed.signatures, ours] }
}

/** A chain of right receipts, ten output tokens each, the last one final. `change` may spoil the i-th. */
export function makeReceipts(
  ordered: Named<Order>,
  accepted: Named<Acceptance>,
  count = 3,
  change: (value: Receipt, i: number) => Receipt = (value) => value,
): (Named<Receipt> & SignedRecord)[] {
  const receipts: (Named<Receipt> & SignedRecord)[] = []
  let transcript = EMPTY_TRANSCRIPT
  for (let i = 0; i < count; i++) {
    transcript = extendTranscript(transcript, utf8(`chunk ${i}`))
    const tokens = { inputTokens: 10n, outputTokens: BigInt(10 * (i + 1)) }
    const value: Receipt = {
      acceptance: accepted.cid,
      sequence: BigInt(i),
      previous: receipts.at(-1)?.cid ?? null,
      ...tokens,
      cachedInputTokens: 4n,
      amount: priceTokens(ordered.value, tokens),
      transcript: commit(SECRET, { receipt: BigInt(i) }, transcript),
      at: NOW + 1000 * (i + 1),
      final: i === count - 1 ? 'completed' : null,
    }
    receipts.push(signReceipt(change(value, i)))
  }
  return receipts
}

/** Two answers that are the same, unless told otherwise. */
export function makeSpotCheck(changes: Partial<SpotCheck> = {}): Named<SpotCheck> & SignedRecord {
  const link = (text: string) => cidOf(utf8(text))
  return sign(
    spotCheck,
    {
      consumer: consumer.peerId,
      model: MODEL,
      digest: `sha256:${'ab'.repeat(32)}`,
      promised: true,
      first: { provider: provider.peerId, order: link('order 1'), receipt: link('receipt 1') },
      second: { provider: stranger.peerId, order: link('order 2'), receipt: link('receipt 2') },
      bytes: 120n,
      agreed: 120n,
      divergence: 0,
      at: NOW,
      ...changes,
    },
    'consumer',
    consumer,
  )
}

/** Everything about one whole session. */
export function makeEvidence(changes: Partial<SessionEvidence> = {}): SessionEvidence {
  const ordered = makeOrder()
  const accepted = makeAcceptance(ordered)
  return {
    network: NETWORK,
    offer: makeOffer(),
    attestations: [makeAttestation()],
    authorization: makeAuthorization(),
    rounds: [],
    order: ordered,
    acceptance: accepted,
    receipts: makeReceipts(ordered, accepted),
    ...changes,
  }
}

export const makeBundle = (changes: Partial<SessionEvidence> = {}): Uint8Array =>
  exportBundle(makeEvidence(changes))

/** Whom the fixtures are signed by. */
export const TRUST = {
  network: NETWORK,
  attestors: [attestor.peerId],
  settlements: [settlement.peerId],
} as const

export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

export const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../gu) ?? [], (byte) => Number.parseInt(byte, 16))

/** The code that `run` fails with, or `accepted`. An error that is not ours is named as such. */
export function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return error instanceof HanseError ? error.code : `not ours: ${String(error)}`
  }
  return 'accepted'
}
