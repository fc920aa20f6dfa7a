import { HanseError } from '../errors.ts'
import { bytesEqual, utf8 } from '../wire.ts'
import { fromBase64, toBase64 } from './base64.ts'
import { hasControls, isKeyName, toHex } from './verifier-key.ts'

/** One hundred signatures of the largest kind (ML-DSA-44) and a long text fit twice. */
export const NOTE_BYTES_MAX = 1 << 20
/** As many as Go's implementation takes; the specification asks for at least 16. */
export const NOTE_SIGNATURES_MAX = 100
const KEY_ID_BYTES = 4

/** One line below a note: who says to have signed it. Nothing is verified yet. */
export interface SignatureLine {
  readonly name: string
  /** Four bytes in lower-case hex. */
  readonly keyId: string
  /** What follows the key id: a signature, after a time where it is a cosignature. */
  readonly blob: Uint8Array
  /** The line as it was written, without its newline. */
  readonly line: string
}

export interface NoteParts {
  /** With its final newline, without the blank line. */
  readonly text: string
  readonly lines: readonly SignatureLine[]
}

/**
 * Takes a signed note apart (C2SP signed-note, Format).
 *
 * @throws {HanseError} HANSE_LOG_NOTE
 */
export function splitNote(note: string | Uint8Array): NoteParts {
  const whole = noteText(note)
  // The text may hold empty lines itself: the last one ends it.
  const split = whole.lastIndexOf('\n\n')
  if (split === -1) throw badNote('no blank line')
  const below = whole.slice(split + 2)
  if (!below.endsWith('\n')) throw badNote('no signature line, or no newline after the last one')
  const lines = below.slice(0, -1).split('\n', NOTE_SIGNATURES_MAX + 1)
  if (lines.length > NOTE_SIGNATURES_MAX) throw badNote(`over ${NOTE_SIGNATURES_MAX} signatures`)
  return { text: whole.slice(0, split + 1), lines: lines.map(parseSignatureLine) }
}

/**
 * Text without what no note may hold: invalid UTF-8, control characters but newline.
 *
 * @throws {HanseError} HANSE_LOG_NOTE
 */
export function noteText(note: string | Uint8Array): string {
  const text = note instanceof Uint8Array ? decodeUtf8(note) : note
  if (typeof text !== 'string') throw badNote('not a text')
  if (text.length > NOTE_BYTES_MAX) throw badNote(`over ${NOTE_BYTES_MAX} bytes`)
  if (!text.isWellFormed() || hasControls(text)) {
    throw badNote('not UTF-8, or a control character')
  }
  return text
}

/** @throws {HanseError} HANSE_LOG_NOTE */
export function parseSignatureLine(line: string): SignatureLine {
  if (!line.startsWith(DASH)) throw badNote('a signature line begins with a dash')
  const space = line.indexOf(' ', DASH.length)
  const name = line.slice(DASH.length, space)
  const bytes = space === -1 ? undefined : fromBase64(line.slice(space + 1))
  if (!isKeyName(name) || bytes === undefined || bytes.byteLength <= KEY_ID_BYTES) {
    throw badNote('a signature line is a dash, a key name, and base64 of key id and signature')
  }
  return {
    name,
    keyId: toHex(bytes.subarray(0, KEY_ID_BYTES)),
    blob: bytes.subarray(KEY_ID_BYTES),
    line,
  }
}

/** A signature line without its newline. `keyId` is four bytes in hex. */
export function formatSignatureLine(name: string, keyId: string, blob: Uint8Array): string {
  const id = keyId.match(/../gu) ?? []
  const bytes = Uint8Array.from([...id.map((hex) => Number.parseInt(hex, 16)), ...blob])
  return `${DASH}${name} ${toBase64(bytes)}`
}

/** U+2014 and a space. */
const DASH = '\u2014 '

function decodeUtf8(bytes: Uint8Array): string {
  if (bytes.byteLength > NOTE_BYTES_MAX) throw badNote(`over ${NOTE_BYTES_MAX} bytes`)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new HanseError('HANSE_LOG_NOTE', 'malformed note: not UTF-8', { cause })
  }
  // What was signed are these bytes; a decoder that hid any of them would sign for another text.
  if (!bytesEqual(utf8(text), bytes)) throw badNote('not UTF-8')
  return text
}

function badNote(why: string): HanseError {
  return new HanseError('HANSE_LOG_NOTE', `malformed note: ${why}`)
}
