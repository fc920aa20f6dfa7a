import { signCheckpoint } from '../../log/checkpoint.ts'
import { leafHash } from '../../log/hash.ts'
import { type NoteSigner, noteSignerOf } from '../../log/note.ts'
import { formatProof } from '../../log/proof.ts'
import { proveConsistency, proveInclusion, rootOfLeaves } from '../../log/tree.ts'
import type { SessionEvidence } from '../../receipt/bundle.ts'
import { receipt } from '../../receipt/receipt.ts'
import type { Named } from '../../record/record.ts'
import { named } from '../../record/record.ts'
import type { SignedRecord } from '../../record/signed.ts'
import { signBytes } from '../../record/signed.ts'
import { ANYWHERE } from '../../region/policy.ts'
import { order } from '../../session/records.ts'
import { encodeLine, type StatementLine } from '../../statement/line.ts'
import { proveLine, statement, stateSessions } from '../../statement/statement.ts'
import {
  consumer,
  context,
  HOUR_MS,
  makeEvidence,
  NOW,
  provider,
  settlement,
  sign,
  signerFrom,
} from '../../testing/fixtures.ts'
import { entryOfEvent, type LogEvent, logEvent } from '../event.ts'
import { type LogKey, logKey } from '../log-key.ts'
import { type SettlementProof, settlementProof } from '../settlement-proof.ts'

/** A settlement's log of seven entries, of which the fifth is about one session. */

export const logSigner: NoteSigner = noteSignerOf('log.example/hanse', signerFrom(41))
export const SALT: Uint8Array = new Uint8Array(32).fill(7)
export const AT: number = NOW + 60_000
const INDEX = 4
const SIZE = 7

export const makeLogKey = (
  changes: Partial<LogKey> = {},
  signer = settlement,
): Named<LogKey> & SignedRecord =>
  sign(
    logKey,
    {
      settlement: settlement.peerId,
      vkey: logSigner.vkey,
      notBefore: NOW,
      notAfter: NOW + HOUR_MS,
      ...changes,
    },
    'settlement',
    signer,
  )

const evidence = makeEvidence()
const last = named(receipt, evidence.receipts.at(-1)?.bytes ?? new Uint8Array())
const ordered = named(order, evidence.order.bytes)
export const SESSION = { order: ordered.cid, receipt: last.cid } as const

/** Leaves of the log when it had `size` entries, with the event in its place. */
function leaves(size: number, event: Uint8Array, salt: Uint8Array): Uint8Array[] {
  return Array.from({ length: size }, (_, i) =>
    leafHash(i === INDEX ? entryOfEvent(salt, event) : new Uint8Array(32).fill(i)),
  )
}

export interface Made {
  readonly proof: Uint8Array
  readonly value: SettlementProof
  /** The log's checkpoint when it had so many entries. */
  readonly checkpoint: (size: number, fork?: boolean) => string
  /** From one size to another. */
  readonly consistency: (from: number, to: number) => Uint8Array[]
}

export function makeProof(
  event: Partial<LogEvent> = {},
  changes: Partial<SettlementProof> = {},
  since?: number,
): Made {
  const body = logEvent.encode({
    kind: 'receipt-settled',
    at: AT,
    record: last.cid,
    sealed: null,
    subject: null,
    ...event,
  })
  const all = (size: number) => leaves(size, body, SALT)
  const checkpoint = (size: number, fork = false) => {
    const hashes = fork ? all(size).toReversed() : all(size)
    return signCheckpoint(logSigner, { size: BigInt(size), root: rootOfLeaves(hashes) })
  }
  const hashes = proveInclusion(all(SIZE), BigInt(INDEX))
  const value: SettlementProof = {
    event: body,
    salt: SALT,
    proof: formatProof({ index: BigInt(INDEX), hashes, checkpoint: checkpoint(SIZE) }),
    statement: null,
    consistency:
      since === undefined
        ? null
        : { size: BigInt(since), hashes: proveConsistency(all(SIZE), BigInt(since)) },
    ...changes,
  }
  const consistency = (from: number, to: number) => proveConsistency(all(to), BigInt(from))
  return { proof: settlementProof.encode(value), value, checkpoint, consistency }
}

const lineOf = (changes: Partial<StatementLine> = {}): StatementLine => ({
  order: ordered.cid,
  receipt: last.cid,
  model: ordered.value.model,
  sequence: last.value.sequence,
  inputTokens: last.value.inputTokens,
  cachedInputTokens: last.value.cachedInputTokens,
  outputTokens: last.value.outputTokens,
  amount: last.value.amount,
  acceptedAt: NOW,
  final: 'completed',
  ...changes,
})

/** The session as the second of three in a statement. */
export function makeStated(changes: Partial<StatementLine> = {}): {
  readonly cid: Named<unknown>['cid']
  readonly statement: NonNullable<SettlementProof['statement']>
} {
  const other = (i: number) =>
    lineOf({ order: named(logEvent, makeProof({ at: i }).value.event).cid })
  const lines = [other(1), lineOf(changes), other(2)]
  const terms = {
    consumer: consumer.peerId,
    provider: provider.peerId,
    authorization: ordered.value.authorization ?? ordered.cid,
    residency: ANYWHERE,
    lane: 0,
  }
  const signed = sign(statement, stateSessions(terms, undefined, lines), 'provider', provider)
  const countersigned = signBytes(context, statement, signed.bytes, 'consumer', consumer)
  const encoded = lines.map(encodeLine)
  return {
    cid: signed.cid,
    statement: {
      bytes: signed.bytes,
      signatures: [...signed.signatures, countersigned],
      line: encoded[1] ?? new Uint8Array(),
      index: 1,
      path: proveLine(encoded, 1),
    },
  }
}

/** The event that the statement of `makeStated` was settled. */
export const statedEvent: Partial<LogEvent> = {
  kind: 'statement-settled',
  record: makeStated().cid,
}

/** For a bundle: settled by its last receipt, or by a statement. */
export function makeSettlement(
  by: 'receipt' | 'statement',
  since?: number,
): NonNullable<SessionEvidence['settlement']> {
  if (by === 'receipt') return { key: makeLogKey(), proof: makeProof({}, {}, since).proof }
  const { statement: stated } = makeStated()
  return { key: makeLogKey(), proof: makeProof(statedEvent, { statement: stated }, since).proof }
}
