import { base64, unbase64 } from './base.ts'
import { hex, join, littleEndian, Refused, sha256, utf8 } from './bytes.ts'
import { isStrict, publicKeyOf, sign, verify } from './ed25519.ts'

/** C2SP signed-note, tlog-checkpoint and tlog-cosignature. */

export interface Key {
  readonly name: string
  readonly id: string
  readonly type: number
  readonly publicKey: Uint8Array
}

const ED25519 = 1
const COSIGNATURE = 4
const ML_DSA_44 = 6

/** @throws {Refused} HANSE_LOG_KEY */
export function parseKey(text: string): Key {
  const [, name = '', id = '', encoded = ''] = /^([^+]*)\+([^+]*)\+(.*)$/su.exec(text) ?? []
  const bytes = unbase64(encoded)
  if (!isName(name) || bytes === undefined) throw new Refused('HANSE_LOG_KEY')
  const [type, publicKey] = [bytes[0] ?? 0, bytes.subarray(1)]
  const isCurve = type === ED25519 || type === COSIGNATURE
  const isKnown = isCurve
    ? publicKey.length === 32 && isStrict(publicKey)
    : type === ML_DSA_44 && publicKey.length === 1312
  if (!isKnown || id !== idOf(name, type, publicKey)) throw new Refused('HANSE_LOG_KEY')
  return { name, id, type, publicKey }
}

export function formatKey(name: string, type: 'ed25519' | 'cosignature', seed: Uint8Array): string {
  const [byte, key] = [type === 'ed25519' ? ED25519 : COSIGNATURE, publicKeyOf(seed)]
  return `${name}+${idOf(name, byte, key)}+${base64(join(Uint8Array.of(byte), key))}`
}

function idOf(name: string, type: number, key: Uint8Array): string {
  return hex(sha256(utf8(`${name}\n`), Uint8Array.of(type), key)).slice(0, 8)
}

function isName(name: string): boolean {
  return (
    name !== '' &&
    name.length <= 1024 &&
    name.isWellFormed() &&
    !/[\p{White_Space}+]/u.test(name) &&
    !hasControl(name)
  )
}

/** ASCII control characters but the newline. */
const hasControl = (text: string): boolean =>
  utf8(text).some((byte) => byte < 0x20 && byte !== 0x0a)

export interface Line {
  readonly name: string
  readonly id: string
  readonly blob: Uint8Array
  readonly line: string
}

const NOTE_MAX = 1 << 20
const SIGNATURES_MAX = 100

/** What a note may be: not too long, no lone surrogate, no control character but newline. */
export const isNoteText = (text: string): boolean =>
  text.length <= NOTE_MAX && text.isWellFormed() && !hasControl(text)

/** @throws {Refused} HANSE_LOG_NOTE */
export function splitNote(note: string): {
  readonly text: string
  readonly lines: readonly Line[]
} {
  if (!isNoteText(note)) throw new Refused('HANSE_LOG_NOTE')
  const at = note.lastIndexOf('\n\n')
  const below = note.slice(at + 2)
  if (at === -1 || !below.endsWith('\n')) throw new Refused('HANSE_LOG_NOTE')
  const lines = below.slice(0, -1).split('\n')
  if (lines.length > SIGNATURES_MAX) throw new Refused('HANSE_LOG_NOTE')
  return { text: note.slice(0, at + 1), lines: lines.map(parseLine) }
}

function parseLine(line: string): Line {
  const [dash, name = '', encoded = '', ...more] = line.split(' ')
  const bytes = unbase64(encoded)
  // A key id of four bytes, and something after it.
  if (
    dash !== '\u2014' ||
    !isName(name) ||
    more.length > 0 ||
    bytes === undefined ||
    bytes.length < 5
  ) {
    throw new Refused('HANSE_LOG_NOTE')
  }
  return { name, id: hex(bytes.subarray(0, 4)), blob: bytes.subarray(4), line }
}

export interface Counted {
  readonly name: string
  readonly id: string
  /** Of a cosignature. */
  readonly time: bigint | null
}

export interface OpenNote {
  readonly text: string
  readonly signatures: readonly Counted[]
  readonly unverified: readonly string[]
}

/** @throws {Refused} HANSE_LOG_NOTE, HANSE_LOG_KEY, HANSE_LOG_SIGNATURE, HANSE_LOG_UNSIGNED */
export function openNote(note: string, vkeys: readonly string[]): OpenNote {
  const keys = vkeys.map(parseKey)
  const { text, lines } = splitNote(note)
  const signatures: Counted[] = []
  const unverified: string[] = []
  for (const { name, id, blob, line } of new Map(lines.map((each) => [each.line, each])).values()) {
    const found = keys.filter((key) => key.name === name && key.id === id && key.type !== ML_DSA_44)
    const [key] = found
    if (found.length > 1) throw new Refused('HANSE_LOG_KEY')
    if (key === undefined) {
      unverified.push(line)
      continue
    }
    const time = key.type === COSIGNATURE ? cosignedAt(key.publicKey, text, blob) : null
    const isSigned =
      key.type === COSIGNATURE ? time !== undefined : verify(key.publicKey, utf8(text), blob)
    if (!isSigned) throw new Refused('HANSE_LOG_SIGNATURE')
    if (!signatures.some((other) => other.name === name && other.id === id)) {
      signatures.push({ name, id, time: time ?? null })
    }
  }
  if (signatures.length === 0) throw new Refused('HANSE_LOG_UNSIGNED')
  return { text, signatures, unverified }
}

export const cosignedMessage = (text: string, time: bigint): string =>
  `cosignature/v1\ntime ${time}\n${text}`

function cosignedAt(key: Uint8Array, text: string, blob: Uint8Array): bigint | undefined {
  if (blob.length !== 72) return undefined
  const time = littleEndian(blob.slice(0, 8).toReversed())
  if (time >= 2n ** 63n) return undefined
  return verify(key, utf8(cosignedMessage(text, time)), blob.subarray(8)) ? time : undefined
}

/** A witness's signature line. */
export function cosign(name: string, seed: Uint8Array, text: string, time: bigint): string {
  const id = Buffer.from(idOf(name, COSIGNATURE, publicKeyOf(seed)), 'hex')
  const stamp = Buffer.from(time.toString(16).padStart(16, '0'), 'hex')
  const signature = sign(seed, utf8(cosignedMessage(text, time)))
  return `\u2014 ${name} ${base64(join(id, stamp, signature))}`
}

export interface Checkpoint {
  readonly origin: string
  readonly size: bigint
  readonly root: Uint8Array
  readonly extensions: readonly string[]
}

/** The body of a checkpoint, alone or at the head of a note. @throws {Refused} HANSE_LOG_CHECKPOINT */
export function parseCheckpoint(whole: string): Checkpoint {
  const [origin = '', sizeText = '', rootText = '', ...extensions] = bodyOf(whole)
    .slice(0, -1)
    .split('\n')
  const root = unbase64(rootText)
  const isSize = /^(0|[1-9][0-9]{0,19})$/u.test(sizeText) && BigInt(sizeText) < 2n ** 64n
  if (origin === '' || !isSize || root?.length !== 32 || extensions.includes('')) {
    throw new Refused('HANSE_LOG_CHECKPOINT')
  }
  return { origin, size: BigInt(sizeText), root, extensions }
}

function bodyOf(whole: string): string {
  try {
    const body = whole.includes('\n\n') ? splitNote(whole).text : whole
    if (body.endsWith('\n') && isNoteText(body)) return body
  } catch {
    // Falls through: a body below which there is no note is no checkpoint.
  }
  throw new Refused('HANSE_LOG_CHECKPOINT')
}

/** @throws {Refused} as `openNote`, HANSE_LOG_CHECKPOINT, HANSE_LOG_ORIGIN */
export function openCheckpoint(
  note: string,
  logKey: string,
  witnessKeys: readonly string[],
): Checkpoint & { readonly cosignatures: readonly Counted[] } {
  const log = parseKey(logKey)
  const { text, signatures } = openNote(note, [logKey, ...witnessKeys])
  const checkpoint = parseCheckpoint(text)
  if (checkpoint.origin !== log.name) throw new Refused('HANSE_LOG_ORIGIN')
  const isLog = ({ name, id }: Counted) => name === log.name && id === log.id
  if (!signatures.some(isLog)) throw new Refused('HANSE_LOG_UNSIGNED')
  return { ...checkpoint, cosignatures: signatures.filter((one) => !isLog(one)) }
}
