import { HanseError } from '../errors.ts'
import { type Checkpoint, openCheckpoint } from '../log/checkpoint.ts'
import { verifyProof } from '../log/proof.ts'
import { verifyConsistency } from '../log/verify.ts'
import type { Named } from '../record/record.ts'
import { openSigned, type SignedRecord, type SigningContext } from '../record/signed.ts'
import { bytesEqual } from '../wire.ts'
import { entryOfEvent, logEvent } from './event.ts'
import { type LogKey, logKey, logKeySigners } from './log-key.ts'
import {
  openSettledEvent,
  type ProvedSession,
  type SettledEvent,
  type SettlementProof,
  settlementProof,
} from './settlement-proof.ts'

/** Where an event is in a log. */
export interface ProvedInclusion {
  readonly index: bigint
  readonly checkpoint: Checkpoint
  readonly key: Named<LogKey>
}

/**
 * Checks that a settlement has logged the event of a proof: it signed the log's key, that key signed the checkpoint, and
 * the entry is under it. Whether that settlement is to be believed is for the caller to say.
 *
 * @throws {HanseError} HANSE_RECORD_*, HANSE_SIGNATURE_*, HANSE_LOG_*, HANSE_AUDIT_KEY
 */
export function proveInclusionInLog(
  context: SigningContext,
  { event, salt, proof }: SettlementProof,
  signedKey: SignedRecord,
): ProvedInclusion {
  const key = openSigned(context, logKey, signedKey, logKeySigners)
  const { vkey, notBefore, notAfter } = key.value
  const { at } = logEvent.decode(event)
  if (at < notBefore || at >= notAfter) {
    throw new HanseError('HANSE_AUDIT_KEY', 'the log had another key at that time')
  }
  const { index, checkpoint } = verifyProof(proof, entryOfEvent(salt, event), { logKey: vkey })
  return { index, checkpoint, key }
}

/** A log by its checkpoint and the key that signed it. */
export interface ComparedLog {
  readonly checkpoint: Checkpoint
  readonly key: { readonly value: Pick<LogKey, 'vkey'> }
}

/** A checkpoint that somebody remembers, and what leads from it to a proof's, or back. */
export interface RememberedCheckpoint {
  /** The signed note. */
  readonly note: string
  /** Consistency hashes between the two, where the proof does not hold them. */
  readonly hashes?: readonly Uint8Array[]
}

/**
 * Holds a proof's checkpoint against one that was remembered: of two sizes, the larger tree must begin with the smaller.
 *
 * @returns `undefined` when nothing leads from one to the other: ask for the proof again, `?since=` the size remembered
 * @throws {HanseError} HANSE_AUDIT_FORK when both are signed and cannot both be true; HANSE_LOG_* when the note remembered
 *   is none of this log
 */
export function compareCheckpoints(
  { checkpoint, key }: ComparedLog,
  { consistency }: Pick<SettlementProof, 'consistency'>,
  remembered: RememberedCheckpoint,
): 'same' | 'grown' | 'older' | undefined {
  const known = openCheckpoint(remembered.note, key.value.vkey)
  if (known.size === checkpoint.size) {
    if (bytesEqual(known.root, checkpoint.root)) return 'same'
    throw forked(`two trees of ${known.size} entries`)
  }
  const isOlder = known.size > checkpoint.size
  const [first, second] = isOlder ? [checkpoint, known] : [known, checkpoint]
  if (first.size === 0n) return isOlder ? 'older' : 'grown'
  const hashes =
    remembered.hashes ?? (consistency?.size === first.size && !isOlder ? consistency.hashes : null)
  if (hashes === null) return undefined
  const isConsistent = verifyConsistency({
    size1: first.size,
    size2: second.size,
    root1: first.root,
    root2: second.root,
    proof: hashes,
  })
  if (!isConsistent) throw forked(`${second.size} entries do not begin with those ${first.size}`)
  return isOlder ? 'older' : 'grown'
}

/** Whom and what a reader of settlement proofs knows. */
export interface SettlementProofTrust extends SigningContext {
  /** The log's key, as its settlement signed it. */
  readonly key: SignedRecord
  readonly remembered?: RememberedCheckpoint
}

export interface VerifiedSettlement extends SettledEvent, ProvedInclusion {
  /** How the checkpoint stands to the one remembered; `undefined` without one, or when nothing leads to it. */
  readonly since: 'same' | 'grown' | 'older' | undefined
}

/**
 * Verifies that a session was settled and logged, by the proof alone.
 *
 * @param bytes of a `hanse.settlement-proof.v1`
 * @throws {HanseError} what `openSettledEvent`, `proveInclusionInLog` and `compareCheckpoints` throw
 */
export function verifySettlementProof(
  bytes: Uint8Array,
  session: ProvedSession,
  trust: SettlementProofTrust,
): VerifiedSettlement {
  const proof = settlementProof.decode(bytes)
  const settled = openSettledEvent(trust, proof, session)
  const included = proveInclusionInLog(trust, proof, trust.key)
  const { remembered } = trust
  const since = remembered && compareCheckpoints(included, proof, remembered)
  return { ...settled, ...included, since }
}

function forked(why: string): HanseError {
  return new HanseError('HANSE_AUDIT_FORK', `the log was FORKED: ${why}`)
}
