import { HanseError } from '../errors.ts'
import { fromBase64, toBase64 } from './base64.ts'
import { type OpenCheckpoint, openCheckpoint, parseDecimal } from './checkpoint.ts'
import { isHash, leafHash } from './hash.ts'
import { noteText } from './note-lines.ts'
import { openByPolicy, type Policy } from './policy.ts'
import { isSize, PROOF_HASHES_MAX, verifyInclusion } from './verify.ts'

/** Proof, for reading without a network, that an entry is in a log (C2SP tlog-proof). */
export interface LogProof {
  readonly index: bigint
  /** Anything; it is not authenticated by the proof. */
  readonly extra?: Uint8Array
  /** From the leaf's sibling up to the root's child. */
  readonly hashes: readonly Uint8Array[]
  /** The signed checkpoint, as it was published. */
  readonly checkpoint: string
}

const HEADER = 'c2sp.org/tlog-proof@v1'

/**
 * Reads a proof. Nothing is verified yet: see `verifyProof`.
 *
 * @throws {HanseError} HANSE_LOG_PROOF_FORMAT
 */
export function parseProof(file: string | Uint8Array): LogProof {
  const text = textOf(file)
  const blank = text.indexOf('\n\n')
  if (blank === -1) throw badFormat('no blank line before the checkpoint')
  const [header, ...lines] = text.slice(0, blank).split('\n', PROOF_HASHES_MAX + 4)
  if (header !== HEADER) throw badFormat(`the first line is not ${HEADER}`)
  const extraText = lines[0]?.startsWith('extra ') === true ? lines.shift()?.slice(6) : undefined
  const extra = extraText === undefined ? undefined : fromBase64(extraText)
  if (extraText !== undefined && extra === undefined) throw badFormat('extra is not base64')
  const indexLine = lines.shift() ?? ''
  const index = indexLine.startsWith('index ') ? parseDecimal(indexLine.slice(6)) : undefined
  if (index === undefined) throw badFormat('no index')
  if (lines.length > PROOF_HASHES_MAX) throw badFormat('too many hashes')
  const hashes = lines.map(fromBase64).filter(isHash)
  if (hashes.length < lines.length) throw badFormat('a line is not base64 of a hash')
  const checkpoint = text.slice(blank + 2)
  if (checkpoint === '') throw badFormat('no checkpoint')
  return { index, ...(extra === undefined ? {} : { extra }), hashes, checkpoint }
}

/**
 * Writes a proof; its files end in `.tlog-proof`.
 *
 * @throws {HanseError} HANSE_LOG_PROOF_FORMAT when a part cannot be written
 */
export function formatProof({ index, extra, hashes, checkpoint }: LogProof): string {
  if (!isSize(index) || !hashes.every(isHash) || hashes.length > PROOF_HASHES_MAX) {
    throw badFormat('index or hashes out of range')
  }
  const lines = [
    HEADER,
    ...(extra === undefined ? [] : [`extra ${toBase64(extra)}`]),
    `index ${index}`,
    ...hashes.map(toBase64),
  ]
  return `${lines.join('\n')}\n\n${checkpoint}`
}

/** Whom a verifier of proofs trusts: one log, or a policy with a quorum of witnesses. */
export type ProofTrust =
  | {
      readonly logKey: string
      /** Every one of these must have cosigned; none by default. */
      readonly witnessKeys?: readonly string[]
    }
  | { readonly policy: Policy }

export interface VerifiedProof {
  readonly index: bigint
  readonly checkpoint: OpenCheckpoint
  /** As it stood in the proof: not authenticated. */
  readonly extra?: Uint8Array
}

/**
 * Verifies that `entry` is in the log, at the index that the proof names, under a checkpoint that its log signed and
 * the witnesses cosigned.
 *
 * @throws {HanseError} HANSE_LOG_PROOF_FORMAT, HANSE_LOG_PROOF, HANSE_LOG_QUORUM, and what `openCheckpoint` throws
 */
export function verifyProof(
  file: string | Uint8Array,
  entry: Uint8Array,
  trust: ProofTrust,
): VerifiedProof {
  const { index, extra, hashes, checkpoint: note } = parseProof(file)
  const checkpoint = 'policy' in trust ? openByPolicy(note, trust.policy) : openByKeys(note, trust)
  const { size, root } = checkpoint
  const claim = { leafIndex: index, treeSize: size, leafHash: leafHash(entry), proof: hashes, root }
  if (!verifyInclusion(claim)) {
    throw new HanseError('HANSE_LOG_PROOF', `the entry is not at ${index} of a tree of ${size}`)
  }
  return { index, checkpoint, ...(extra === undefined ? {} : { extra }) }
}

function openByKeys(
  note: string,
  { logKey, witnessKeys = [] }: { logKey: string; witnessKeys?: readonly string[] },
): OpenCheckpoint {
  const checkpoint = openCheckpoint(note, logKey, witnessKeys)
  if (checkpoint.cosignatures.length < witnessKeys.length) {
    throw new HanseError(
      'HANSE_LOG_QUORUM',
      `${checkpoint.cosignatures.length} of ${witnessKeys.length} witnesses cosigned`,
    )
  }
  return checkpoint
}

function textOf(file: string | Uint8Array): string {
  try {
    return noteText(file)
  } catch (cause) {
    throw badFormat('not a text, or too long', cause)
  }
}

function badFormat(why: string, cause?: unknown): HanseError {
  return new HanseError('HANSE_LOG_PROOF_FORMAT', `malformed proof: ${why}`, { cause })
}
