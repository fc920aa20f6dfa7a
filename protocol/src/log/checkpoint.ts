import { HanseError } from '../errors.ts'
import { fromBase64, toBase64 } from './base64.ts'
import { isHash } from './hash.ts'
import {
  type NoteSigner,
  type OpenNote,
  openNote,
  signNote,
  type VerifiedSignature,
} from './note.ts'
import { noteText, splitNote } from './note-lines.ts'
import { parseVerifierKey } from './verifier-key.ts'
import { isSize } from './verify.ts'

/** The head of a log's tree: what a log signs. */
export interface Checkpoint {
  /** Names the log. */
  readonly origin: string
  /** Entries in the tree. */
  readonly size: bigint
  readonly root: Uint8Array
  /** Further lines, opaque to everyone but the log. */
  readonly extensions: readonly string[]
}

export interface OpenCheckpoint extends Checkpoint {
  /** The signed text, with its final newline. */
  readonly text: string
  /** The log's own signature. */
  readonly signature: VerifiedSignature
  /** Signatures by the witnesses that were asked for. */
  readonly cosignatures: readonly VerifiedSignature[]
  /** The lines of keys that were not asked for. */
  readonly unverified: OpenNote['unverified']
}

/**
 * Reads the body of a checkpoint (C2SP tlog-checkpoint, Note text), alone or at the head of a signed note. The
 * signatures are not verified: see `openCheckpoint`.
 *
 * @throws {HanseError} HANSE_LOG_CHECKPOINT
 */
export function parseCheckpoint(text: string | Uint8Array): Checkpoint {
  const body = bodyOf(text)
  if (!body.endsWith('\n')) throw badCheckpoint('no newline at the end')
  const [origin = '', sizeText = '', rootText = '', ...extensions] = body.slice(0, -1).split('\n')
  const size = parseDecimal(sizeText)
  const root = fromBase64(rootText)
  if (origin === '') throw badCheckpoint('no origin')
  if (size === undefined) throw badCheckpoint('the size is not a decimal below 2⁶⁴')
  if (!isHash(root)) throw badCheckpoint('the root is not base64 of 32 bytes')
  if (extensions.includes('')) throw badCheckpoint('an empty extension line')
  return { origin, size, root, extensions }
}

/**
 * The body of a checkpoint, ready to be signed.
 *
 * @throws {HanseError} HANSE_LOG_CHECKPOINT when a part cannot be written, such as an origin of two lines
 */
export function formatCheckpoint(
  checkpoint: Omit<Checkpoint, 'extensions'> & Partial<Checkpoint>,
): string {
  const { origin, size, root, extensions = [] } = checkpoint
  if (!isSize(size) || !isHash(root)) throw badCheckpoint('size or root out of range')
  const text = [origin, size, toBase64(root), ...extensions, ''].join('\n')
  // What was written must read back as the same: a newline in a part would move the lines.
  if (parseCheckpoint(text).extensions.length !== extensions.length) {
    throw badCheckpoint('a newline within a line')
  }
  return text
}

/**
 * A signed checkpoint. Its log never signs another of the same size and another root: the caller sees to that by
 * compare-and-swap on the latest one.
 *
 * @throws {HanseError} HANSE_LOG_CHECKPOINT
 */
export function signCheckpoint(
  signer: NoteSigner,
  head: { readonly size: bigint; readonly root: Uint8Array },
): string {
  return signNote(formatCheckpoint({ origin: signer.name, ...head }), signer)
}

/**
 * Opens a checkpoint that its log signed: the log's key is named like the origin, and its signature is there. Those of
 * the witnesses, where asked for, are verified too; how many are needed is for the caller, or a policy, to say.
 *
 * @throws {HanseError} what `openNote` throws, HANSE_LOG_CHECKPOINT, HANSE_LOG_ORIGIN
 */
export function openCheckpoint(
  note: string | Uint8Array,
  logKey: string,
  witnessKeys: readonly string[] = [],
): OpenCheckpoint {
  const log = parseVerifierKey(logKey)
  const { text, signatures, unverified } = openNote(note, [logKey, ...witnessKeys])
  const checkpoint = parseCheckpoint(text)
  if (checkpoint.origin !== log.name) {
    throw new HanseError('HANSE_LOG_ORIGIN', `a checkpoint of ${checkpoint.origin}`)
  }
  const byLog = ({ name, keyId }: VerifiedSignature) => name === log.name && keyId === log.keyId
  const signature = signatures.find(byLog)
  if (signature === undefined) {
    throw new HanseError('HANSE_LOG_UNSIGNED', 'the log itself did not sign')
  }
  const cosignatures = signatures.filter((other) => !byLog(other))
  return { ...checkpoint, text, signature, cosignatures, unverified }
}

/** A decimal below 2⁶⁴ without sign or leading zeroes, or `undefined`. */
export function parseDecimal(text: string): bigint | undefined {
  if (!/^(?:0|[1-9][0-9]{0,19})$/u.test(text)) return undefined
  const value = BigInt(text)
  return isSize(value) ? value : undefined
}

function bodyOf(text: string | Uint8Array): string {
  try {
    const whole = noteText(text)
    return whole.includes('\n\n') ? splitNote(whole).text : whole
  } catch (cause) {
    throw new HanseError('HANSE_LOG_CHECKPOINT', 'malformed checkpoint: not a note', { cause })
  }
}

function badCheckpoint(why: string): HanseError {
  return new HanseError('HANSE_LOG_CHECKPOINT', `malformed checkpoint: ${why}`)
}
