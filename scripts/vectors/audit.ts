import {
  auditEntry,
  digestOfDocument,
  documentDigest,
  encodeLine,
  entryOfEvent,
  formatProof,
  type LogEvent,
  type LogKey,
  leafHash,
  logEvent,
  logKey,
  type Named,
  named,
  noteSignerOf,
  packageManifest,
  proveConsistency,
  proveInclusion,
  proveLine,
  type Receipt,
  rootOfLeaves,
  type SettlementProof,
  type SignedRecord,
  type StatementLine,
  sealPersonal,
  settlementProof,
  signCheckpoint,
  stateSessions,
} from '@hanse/protocol'
import * as make from '@hanse/protocol/testing'
import { type Sample, sampleOf } from './sample.ts'
import { lineOf, signStatement, TERMS } from './statements.ts'

const { HOUR_MS, NOW, settlement, sign, signerFrom } = make

// A settlement's log of eight events: the fifth settles the session of the bundles by its last receipt, the sixth by a
// Statement.

const AT = NOW + 60_000
export const SIZE = 8
const BY_RECEIPT = 4
const BY_STATEMENT = 5
export const logSigner = noteSignerOf('log.hanse.example/settlement', signerFrom(15))
export const SEAL = {
  key: new Uint8Array(32).fill(0x61),
  nonce: new Uint8Array(24).fill(0x62),
  plaintext: new TextEncoder().encode('{"amount":"12.34 EUR"}'),
}

const ordered = make.makeOrder()
const receipts = make.makeReceipts(ordered, make.makeAcceptance(ordered), 2)
const last = receipts[1] as Named<Receipt> & SignedRecord
export const SESSION = { order: ordered.cid, receipt: last.cid }

const LINES: readonly StatementLine[] = [
  lineOf(1),
  lineOf(2, {
    order: ordered.cid,
    receipt: last.cid,
    sequence: last.value.sequence,
    inputTokens: last.value.inputTokens,
    cachedInputTokens: last.value.cachedInputTokens,
    outputTokens: last.value.outputTokens,
    amount: last.value.amount,
    final: 'completed',
  }),
  lineOf(3),
]
const stated = signStatement(stateSessions(TERMS, undefined, LINES), LINES)

export const saltOf = (i: number) => new Uint8Array(32).fill(0x70 + i)

/** One of each kind. */
const EVENTS: readonly LogEvent[] = [
  eventOf('key-rotation'),
  eventOf('attestation-issued', { record: make.makeAttestation().cid }),
  eventOf('attestation-revoked', { record: make.makeAttestation().cid }),
  eventOf('payout', { sealed: sealed(), subject: Uint8Array.of(1, 2, 3) }),
  eventOf('receipt-settled', { record: last.cid, sealed: sealed(), subject: new Uint8Array(32) }),
  eventOf('statement-settled', { record: stated.cid }),
  eventOf('policy-violation', { record: ordered.cid }),
  eventOf('erasure', { subject: Uint8Array.of(1, 2, 3) }),
]
export const events = EVENTS.map((event) => named(logEvent, logEvent.encode(event)))
export const entries = events.map(({ bytes }, i) => entryOfEvent(saltOf(i), bytes))
export const leaves = entries.map(leafHash)

function eventOf(kind: LogEvent['kind'], changes: Partial<LogEvent> = {}): LogEvent {
  return { kind, at: AT, record: null, sealed: null, subject: null, ...changes }
}

function sealed(): Uint8Array {
  return sealPersonal(SEAL.key, SEAL.nonce, SEAL.plaintext)
}

export function makeLogKey(changes: Partial<LogKey> = {}): Named<LogKey> & SignedRecord {
  const value = {
    settlement: settlement.peerId,
    vkey: logSigner.vkey,
    notBefore: NOW,
    notAfter: NOW + HOUR_MS,
    ...changes,
  }
  return sign(logKey, value, 'settlement', settlement)
}

/** The log's checkpoint when it had so many entries. */
export function checkpointAt(size: number, hashes: readonly Uint8Array[] = leaves): string {
  return signCheckpoint(logSigner, {
    size: BigInt(size),
    root: rootOfLeaves(hashes.slice(0, size)),
  })
}

export const consistency = (from: number, to: number = SIZE) =>
  proveConsistency(leaves.slice(0, to), BigInt(from))

export const tlogProof = (index: number, checkpoint: string = checkpointAt(SIZE)) =>
  formatProof({ index: BigInt(index), hashes: proveInclusion(leaves, BigInt(index)), checkpoint })

/** A proof that the session was settled, by its last receipt or by a Statement. */
export function makeProof(
  by: 'receipt' | 'statement',
  changes: Partial<SettlementProof> = {},
): SettlementProof {
  const index = by === 'receipt' ? BY_RECEIPT : BY_STATEMENT
  const lines = LINES.map(encodeLine)
  const { bytes, signatures } = stated
  const path = proveLine(lines, 1)
  const line = lines[1] ?? new Uint8Array()
  return {
    event: events[index]?.bytes ?? new Uint8Array(),
    salt: saltOf(index),
    proof: tlogProof(index),
    statement:
      by === 'receipt' ? null : { bytes, signatures: [...signatures], line, index: 1, path },
    consistency: null,
    ...changes,
  }
}

/** Of a settlement about an organization, or of a node about itself. */
function makeManifest(source: 'settlement' | 'node') {
  const files = ['events.jsonl', 'events/000000000004.cbor', 'log/checkpoint'].map((path, i) => ({
    path,
    bytes: 100 + i,
    sha256: new Uint8Array(32).fill(0x80 + i),
  }))
  const about = { issuer: settlement.peerId, network: 'test', at: AT, from: NOW, to: AT, files }
  const subject = source === 'settlement' ? 'org_example' : null
  const role = source === 'settlement' ? 'settlement' : 'log'
  return sign(packageManifest, { ...about, source, subject }, role, settlement)
}

export const encodeProof = (proof: SettlementProof) => settlementProof.encode(proof)

const encodeEntry = () =>
  auditEntry.encode({
    body: events[BY_RECEIPT]?.bytes ?? new Uint8Array(),
    salt: saltOf(BY_RECEIPT),
    proof: tlogProof(BY_RECEIPT),
  })

export function auditSamples(): Sample[] {
  const unsigned = { signatures: [] }
  const proofs = [
    makeProof('receipt'),
    makeProof('statement', { consistency: { size: 3n, hashes: consistency(3) } }),
  ]
  return [
    ...events.map((event) =>
      sampleOf(`log event ${event.value.kind}`, logEvent, { ...event, ...unsigned }),
    ),
    sampleOf('digest of a document', documentDigest, {
      ...digestOfDocument(make.DOCUMENT),
      ...unsigned,
    }),
    sampleOf('log key', logKey, makeLogKey()),
    sampleOf('evidence package of a settlement', packageManifest, makeManifest('settlement')),
    sampleOf('evidence package of a node', packageManifest, makeManifest('node')),
    sampleOf('audit entry', auditEntry, { ...named(auditEntry, encodeEntry()), ...unsigned }),
    ...proofs.map((proof, i) => {
      const record = { ...named(settlementProof, encodeProof(proof)), ...unsigned }
      return sampleOf(`settlement proof ${i}`, settlementProof, record)
    }),
  ]
}
