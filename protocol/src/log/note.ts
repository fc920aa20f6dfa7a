import { HanseError } from '../errors.ts'
import { verifyEd25519 } from '../identity/ed25519.ts'
import type { Signer } from '../identity/keys.ts'
import { publicKeyOfPeer } from '../identity/peer-id.ts'
import { utf8 } from '../wire.ts'
import { verifyCosignature } from './cosignature.ts'
import { formatSignatureLine, noteText, type SignatureLine, splitNote } from './note-lines.ts'
import {
  formatVerifierKey,
  type KeyKind,
  keyIdOf,
  parseVerifierKey,
  type VerifierKey,
} from './verifier-key.ts'

/** A signature by one of the keys that were asked for. */
export interface VerifiedSignature {
  readonly name: string
  /** Four bytes in lower-case hex. */
  readonly keyId: string
  readonly kind: KeyKind
  /** POSIX seconds; only cosignatures have a time. */
  readonly timestamp?: bigint
  /** The line as it stands in the note, without its newline. */
  readonly line: string
}

export interface OpenNote {
  /** What was signed, with its final newline. */
  readonly text: string
  /** At least one, in the order of the note, each key once. */
  readonly signatures: readonly VerifiedSignature[]
  /** Lines of keys that were not asked for: they prove nothing. */
  readonly unverified: readonly SignatureLine[]
}

/** Keys one note may be opened with: more than any policy lists. */
const KEYS_MAX = 1024

/**
 * Opens a signed note (C2SP signed-note) with the verifier keys that the caller trusts. Lines of other keys are left
 * aside; one known key that did not sign spoils the whole note.
 *
 * @param note as text, or as the bytes that were received: only those show invalid UTF-8
 * @throws {HanseError} HANSE_LOG_NOTE when malformed, HANSE_LOG_KEY for bad or ambiguous keys, HANSE_LOG_SIGNATURE when
 *   a known key did not sign, HANSE_LOG_UNSIGNED when no known key signed
 */
export function openNote(note: string | Uint8Array, vkeys: readonly string[] | string): OpenNote {
  const keys = parseKeys(vkeys)
  const { text, lines } = splitNote(note)
  const message = utf8(text)
  const signatures: VerifiedSignature[] = []
  const unverified: SignatureLine[] = []
  const seen = new Set<string>()
  for (const line of lines) {
    if (seen.has(line.line)) continue
    seen.add(line.line)
    const key = findKey(keys, line)
    if (key === undefined) {
      unverified.push(line)
      continue
    }
    const signature = verifyLine(key, text, message, line)
    // A witness may have cosigned twice: the first line stands for it.
    if (!signatures.some((other) => other.name === key.name && other.keyId === key.keyId)) {
      signatures.push(signature)
    }
  }
  if (signatures.length === 0) {
    throw new HanseError('HANSE_LOG_UNSIGNED', 'no signature by a known key')
  }
  return { text, signatures, unverified }
}

/** Signs the text of a note. */
export interface NoteSigner {
  readonly name: string
  readonly vkey: string
  /** A signature line, without its newline. */
  sign(text: string): string
}

/**
 * A signer of notes. Its key should sign notes only: their text is signed without a domain in front.
 *
 * @throws {HanseError} HANSE_LOG_KEY when the name is not one for notes
 */
export function noteSignerOf(name: string, signer: Signer): NoteSigner {
  const publicKey = publicKeyOfPeer(signer.peerId)
  const keyId = keyIdOf(name, 'ed25519', publicKey)
  return {
    name,
    vkey: formatVerifierKey(name, 'ed25519', publicKey),
    sign: (text) => formatSignatureLine(name, keyId, signer.sign(utf8(text))),
  }
}

/**
 * The note of a text and its signature lines.
 *
 * @throws {HanseError} HANSE_LOG_NOTE when the text is empty, has no final newline, or holds what no note may
 */
export function signNote(text: string, ...signers: readonly NoteSigner[]): string {
  if (!noteText(text).endsWith('\n')) {
    throw new HanseError('HANSE_LOG_NOTE', 'the text of a note ends in a newline')
  }
  return joinNote(
    text,
    signers.map((signer) => signer.sign(text)),
  )
}

/** Puts a text and signature lines together, without a look at either. */
export function joinNote(text: string, lines: readonly string[]): string {
  return `${text}\n${lines.map((line) => `${line}\n`).join('')}`
}

function verifyLine(
  key: VerifierKey,
  text: string,
  message: Uint8Array,
  { blob, line }: SignatureLine,
): VerifiedSignature {
  const { name, keyId, kind } = key
  if (kind === 'cosignature') {
    const timestamp = verifyCosignature(key.publicKey, text, blob)
    if (timestamp !== undefined) return { name, keyId, kind, timestamp, line }
  } else if (verifyEd25519(key.publicKey, message, blob)) {
    return { name, keyId, kind, line }
  }
  throw new HanseError('HANSE_LOG_SIGNATURE', `invalid signature of ${name}+${keyId}`)
}

function parseKeys(vkeys: readonly string[] | string): VerifierKey[] {
  const list = typeof vkeys === 'string' ? [vkeys] : vkeys
  if (!Array.isArray(list) || list.length > KEYS_MAX) {
    throw new HanseError('HANSE_LOG_KEY', `verifier keys are a list of at most ${KEYS_MAX}`)
  }
  return Array.from(list as readonly string[], parseVerifierKey)
}

/** The key that the line names. Two of one name and id are a mistake, or an attack on the list of keys. */
function findKey(keys: readonly VerifierKey[], line: SignatureLine): VerifierKey | undefined {
  const found = keys.filter(
    ({ name, keyId, kind }) => name === line.name && keyId === line.keyId && kind !== 'ml-dsa-44',
  )
  if (found.length > 1) {
    throw new HanseError('HANSE_LOG_KEY', `ambiguous key ${line.name}+${line.keyId}`)
  }
  return found[0]
}
