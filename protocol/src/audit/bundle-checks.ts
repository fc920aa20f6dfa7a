import { HanseError } from '../errors.ts'
import type { PeerId } from '../identity/peer-id.ts'
import type { SignedRecord, SigningContext } from '../record/signed.ts'
import {
  openSettledEvent,
  type ProvedSession,
  type SettlementProof,
  settlementProof,
} from './settlement-proof.ts'
import {
  compareCheckpoints,
  type ProvedInclusion,
  proveInclusionInLog,
  type RememberedCheckpoint,
} from './verify-settlement-proof.ts'

// What a session bundle says of its settlement: each check's detail, and whether it is proved to this reader.

type Line = readonly [detail: string, status: 'ok' | 'unproved']

const NO_PROOF: Line = ['no proof of settlement in this bundle', 'unproved']

/** The settlement's records of a bundle; both or none. @throws {HanseError} HANSE_RECORD_* */
export function openSettlementRecords(
  keys: readonly SignedRecord[],
  proofs: readonly SignedRecord[],
): { readonly key: SignedRecord; readonly proof: SettlementProof } | undefined {
  const [[key, anotherKey], [proof, anotherProof]] = [keys, proofs]
  if (key === undefined && proof === undefined) return undefined
  if (key === undefined || proof === undefined || (anotherKey ?? anotherProof) !== undefined) {
    throw new HanseError('HANSE_RECORD_FIELDS', 'there must be one proof and one key of the log')
  }
  return { key, proof: settlementProof.decode(proof.bytes) }
}

/** Whether what was logged is this session's settlement. @throws {HanseError} as `openSettledEvent` */
export function checkSettled(
  context: SigningContext,
  proof: SettlementProof | undefined,
  session: ProvedSession,
): Line {
  if (proof === undefined) return NO_PROOF
  const { event, statement } = openSettledEvent(context, proof, session)
  const when = new Date(event.value.at).toISOString()
  if (statement === undefined) return [`settled by its last receipt at ${when}`, 'ok']
  const { sessions, lane, sequence } = statement.value
  const where = `statement ${sequence} of lane ${lane}`
  return [`settled at ${when} as one of ${sessions} sessions of ${where}`, 'ok']
}

/** Whether a settlement logged it. @throws {HanseError} as `proveInclusionInLog` */
export function checkIncluded(
  context: SigningContext,
  records: { readonly key: SignedRecord; readonly proof: SettlementProof } | undefined,
  issuer: PeerId | undefined,
  settlements: readonly string[] | undefined,
): [ProvedInclusion | undefined, ...Line] {
  if (records === undefined) return [undefined, ...NO_PROOF]
  const included = proveInclusionInLog(context, records.proof, records.key)
  const { index, checkpoint, key } = included
  const { settlement } = key.value
  if (issuer !== undefined && settlement !== issuer) {
    throw new HanseError('HANSE_AUDIT_KEY', 'not the log of the settlement that authorized')
  }
  const where = `entry ${index} of ${checkpoint.size} in the log ${checkpoint.origin}`
  return settlements?.includes(settlement) === true
    ? [included, where, 'ok']
    : [included, `${where} of ${settlement}, which you have not said to trust`, 'unproved']
}

/** Whether the log only grew since the reader last saw it. @throws {HanseError} as `compareCheckpoints` */
export function checkConsistent(
  included: ProvedInclusion | undefined,
  proof: SettlementProof | undefined,
  remembered: RememberedCheckpoint | undefined,
): Line {
  if (included === undefined || proof === undefined) return NO_PROOF
  if (remembered === undefined) return ['no checkpoint given to compare with', 'unproved']
  switch (compareCheckpoints(included, proof, remembered)) {
    case 'same':
      return ['the checkpoint is the one given', 'ok']
    case 'grown':
      return ['the log only grew since the checkpoint given', 'ok']
    case 'older':
      return ['the checkpoint given only added to it', 'ok']
    case undefined:
      return [
        'nothing leads to the checkpoint given: get the proof again, since its size',
        'unproved',
      ]
  }
}
