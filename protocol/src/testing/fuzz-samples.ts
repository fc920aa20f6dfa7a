import { documentDigest } from '../audit/document-digest.ts'
import { type LogEvent, logEvent } from '../audit/event.ts'
import { logKey } from '../audit/log-key.ts'
import { settlementProof } from '../audit/settlement-proof.ts'
import { spotCheck } from '../audit/spot-check.ts'
import { makeLogKey, makeSettlement } from '../audit/testdata/settled.ts'
import { providerBinding, spendAuthorization } from '../authorization/authorization.ts'
import { authorizationRelease, revocationList } from '../authorization/revocation.ts'
import { deletionConfirmation, deletionRequest } from '../deletion/deletion.ts'
import { offer } from '../market/offer.ts'
import { picoEuro } from '../money.ts'
import { bundleManifest } from '../receipt/bundle.ts'
import { receipt } from '../receipt/receipt.ts'
import { type Named, named, type RecordType } from '../record/record.ts'
import { type Signature, type SignedRecord, signedFields } from '../record/signed.ts'
import { regionAttestation } from '../region/attestation.ts'
import { landmarkEcho, landmarkPing } from '../region/landmark.ts'
import { attestationRevocations } from '../region/revocation.ts'
import type { ConsumerFrame, ProviderFrame } from '../session/frames.ts'
import { acceptance, order, quote, rejection } from '../session/records.ts'
import type { ProposeFrame, StatementAnswer } from '../statement/frames.ts'
import { encodeLine, type StatementLine } from '../statement/line.ts'
import { type LaneTerms, type Statement, statement, stateSessions } from '../statement/statement.ts'
import { cidOf, utf8 } from '../wire.ts'
import * as make from './fixtures.ts'

const { consumer, NOW, PROMPT, provider, SECRET, settlement, sign } = make

export interface FuzzedType {
  readonly name: string
  readonly type: RecordType<unknown>
  readonly fields: object
  readonly bytes: Uint8Array
  readonly signatures: readonly Signature[]
  readonly signers: readonly Pick<Signature, 'signer' | 'role'>[]
}

/** A right record of every type. */
export function recordSamples(): FuzzedType[] {
  const ordered = make.makeOrder()
  const accepted = make.makeAcceptance(ordered)
  const [first] = make.makeReceipts(ordered, accepted)
  if (first === undefined) throw new Error('no receipt')
  const cites = { order: ordered.cid, consumer: consumer.peerId, provider: provider.peerId }
  const until = { issuedAt: NOW, notAfter: NOW + make.HOUR_MS }
  return [
    fuzzed(offer, make.makeOffer()),
    fuzzed(regionAttestation, make.makeAttestation()),
    fuzzed(
      landmarkPing,
      sign(
        landmarkPing,
        {
          landmark: settlement.peerId,
          subject: provider.peerId,
          latitudeE4: 525_200,
          longitudeE4: -134_050,
          roundTripUs: 2500,
          nonce: new Uint8Array(16),
          at: NOW,
          notAfter: NOW + 1,
        },
        'landmark',
        settlement,
      ),
    ),
    fuzzed(landmarkEcho, make.makeEcho()),
    fuzzed(attestationRevocations, make.makeRevokedAttestations()),
    fuzzed(spendAuthorization, make.makeAuthorization()),
    fuzzed(
      providerBinding,
      sign(
        providerBinding,
        { provider: provider.peerId, settlement: settlement.peerId, country: 'DE', ...until },
        'provider',
        provider,
      ),
    ),
    fuzzed(revocationList, make.makeRevocations()),
    fuzzed(authorizationRelease, make.makeRelease()),
    fuzzed(deletionRequest, make.makeDeletionRequest()),
    fuzzed(deletionConfirmation, make.makeDeletionConfirmation()),
    fuzzed(order, ordered),
    fuzzed(acceptance, accepted),
    fuzzed(quote, makeQuote(ordered)),
    fuzzed(spotCheck, make.makeSpotCheck()),
    fuzzed(
      rejection,
      sign(
        rejection,
        { ...cites, code: 'HANSE_CAPACITY', message: 'busy', retryAfterMs: 1000, at: NOW },
        'provider',
        provider,
      ),
    ),
    fuzzed(receipt, first),
    fuzzed(statement, makeStatement(linesOf(3))),
    fuzzed(logEvent, unsigned(logEvent, eventSample())),
    fuzzed(documentDigest, unsigned(documentDigest, make.DOCUMENT)),
    fuzzed(logKey, makeLogKey()),
    fuzzed(
      settlementProof,
      unsigned(settlementProof, settlementProof.decode(makeSettlement('statement', 3).proof)),
    ),
    manifestSample(),
  ]
}

export function makeQuote(
  ordered: Named<ReturnType<typeof order.decode>>,
  round = 1,
): Named<ReturnType<typeof quote.decode>> & SignedRecord {
  const { consumer: buyer, provider: seller, inputPrice, outputPrice } = ordered.value
  const value = {
    order: ordered.cid,
    consumer: buyer,
    provider: seller,
    inputPrice: picoEuro(inputPrice + 1n),
    outputPrice: picoEuro(outputPrice + 1n),
    round,
    notAfter: NOW + 10_000,
  }
  return sign(quote, value, 'provider', provider)
}

export const LANE: LaneTerms = {
  consumer: consumer.peerId,
  provider: provider.peerId,
  authorization: make.makeAuthorization().cid,
  residency: { allow: ['EU'], minLevel: 3 },
  lane: 0,
}

export function makeStatement(
  lines: readonly StatementLine[],
  changes: Partial<Statement> = {},
): Named<Statement> & SignedRecord {
  const value = { ...stateSessions(LANE, undefined, lines), ...changes }
  return sign(statement, value, 'provider', provider)
}

export const linesOf = (count: number): StatementLine[] =>
  Array.from({ length: count }, (_, i) => ({
    order: cidOf(utf8(`order ${i}`)),
    receipt: cidOf(utf8(`receipt ${i}`)),
    model: make.MODEL,
    sequence: 2n,
    inputTokens: 10n,
    cachedInputTokens: 4n,
    outputTokens: BigInt(i),
    amount: picoEuro(BigInt(1000 + i)),
    acceptedAt: NOW + i,
    final: 'completed',
  }))

/** A line as the list that it is. */
export const lineSample = (): unknown => linesOf(1).flatMap((line) => Object.values(line))

export const proposalSample = (): ProposeFrame => ({
  t: 'propose',
  statement: signedFields(makeStatement(linesOf(3))),
  lines: linesOf(3).map(encodeLine),
})

export const answerSamples = (): StatementAnswer[] => [
  { t: 'countersign', sequence: 0n, signature: new Uint8Array(64) },
  { t: 'refuse', sequence: 0n, code: 'HANSE_STATEMENT_TOTALS' },
]

export function consumerSamples(): ConsumerFrame[] {
  return [
    {
      t: 'order',
      order: signedFields(make.makeOrder()),
      authorization: signedFields(make.makeAuthorization()),
      secret: SECRET,
      trace: null,
    },
    { t: 'prompt', part: PROMPT, last: true },
    { t: 'countersign', sequence: 0n, signature: new Uint8Array(64) },
    { t: 'refuse', sequence: 0n, code: 'HANSE_RECEIPT_AMOUNT' },
    { t: 'cancel' },
  ]
}

export function providerSamples(): ProviderFrame[] {
  const ordered = make.makeOrder()
  const accepted = make.makeAcceptance(ordered)
  const [first] = make.makeReceipts(ordered, accepted)
  const busy = recordSamples().find(({ type }) => type.type === 'hanse.rejection.v1')
  if (first === undefined || busy === undefined) throw new Error('no samples')
  return [
    { t: 'accept', acceptance: signedFields(accepted) },
    { t: 'quote', quote: signedFields(makeQuote(ordered)) },
    { t: 'reject', rejection: signedFields(busy) },
    { t: 'delta', first: 0n, items: [[1, utf8('{"choices":[{"delta":{"content":"x"}}]}')]] },
    { t: 'receipt', bytes: first.bytes, signature: first.signatures[0]?.signature ?? PROMPT },
  ]
}

const eventSample = (): LogEvent => ({
  kind: 'payout',
  at: NOW,
  record: make.makeOffer().cid,
  sealed: new Uint8Array(60),
  subject: new Uint8Array(32),
})

function unsigned<Value>(type: RecordType<Value>, value: Value): Named<Value> & SignedRecord {
  return { ...named(type, type.encode(value)), signatures: [] }
}

function fuzzed<Value extends object>(
  type: RecordType<Value>,
  { bytes, value, signatures }: Named<Value> & SignedRecord,
): FuzzedType {
  return {
    name: type.type,
    type: type as RecordType<unknown>,
    fields: value,
    bytes,
    signatures: signedFields({ bytes, signatures }).signatures,
    signers: signatures.map(({ signer, role }) => ({ signer, role })),
  }
}

function manifestSample(): FuzzedType {
  const all = [make.makeOffer(), make.makeOrder(), make.makeAcceptance(), make.makeAttestation()]
  const kinds = ['offer', 'order', 'acceptance', 'attestation'] as const
  const fields = {
    network: make.NETWORK,
    records: all.map(({ cid, signatures, bytes }, i) => ({
      kind: kinds[i] ?? 'offer',
      cid,
      signatures: signedFields({ bytes, signatures }).signatures,
    })),
  }
  const type = bundleManifest as RecordType<unknown>
  return { name: type.type, type, fields, bytes: type.encode(fields), signatures: [], signers: [] }
}
