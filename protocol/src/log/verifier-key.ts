import { sha256 } from '#crypto'
import { HanseError } from '../errors.ts'
import { isStrictPoint } from '../identity/ed25519.ts'
import { concat, utf8 } from '../wire.ts'
import { fromBase64, toBase64 } from './base64.ts'

/**
 * What a key signs, by the type byte in its encoding (C2SP signed-note, Signature types). `ml-dsa-44` keys are read so
 * that a policy may list them, but their cosignatures are not verified here: no runtime of ours has the algorithm in the
 * browser, so those lines count as from an unknown key.
 */
export type KeyKind = 'ed25519' | 'cosignature' | 'ml-dsa-44'

const KINDS: Readonly<Record<KeyKind, { readonly type: number; readonly keyBytes: number }>> = {
  ed25519: { type: 0x01, keyBytes: 32 },
  cosignature: { type: 0x04, keyBytes: 32 },
  'ml-dsa-44': { type: 0x06, keyBytes: 1312 },
}

/** A key name travels in every signature line; published ones are host names with a path. */
const NAME_LENGTH_MAX = 1024
const KEY_ID_BYTES = 4
/** An ML-DSA-44 key in base64, and a name of the greatest length. */
const VKEY_LENGTH_MAX = NAME_LENGTH_MAX + 2000

export interface VerifierKey {
  readonly name: string
  /** Four bytes in lower-case hex, as in the text form. It tells keys apart; it does not authenticate them. */
  readonly keyId: string
  readonly kind: KeyKind
  readonly publicKey: Uint8Array
}

/**
 * Reads `name+keyid+base64(type ‖ key)`.
 *
 * @throws {HanseError} HANSE_LOG_KEY, also for key types that are not for notes or cosignatures
 */
export function parseVerifierKey(vkey: string): VerifierKey {
  if (typeof vkey !== 'string' || vkey.length > VKEY_LENGTH_MAX) {
    throw badKey('not a text, or too long')
  }
  const [name = '', keyId = '', ...rest] = vkey.split('+')
  const encoded = fromBase64(rest.join('+'))
  const [type, ...key] = encoded ?? []
  if (!isKeyName(name) || encoded === undefined) throw badKey('not name+keyid+key')
  const kind = kindOf(type)
  if (kind === undefined || key.length !== KINDS[kind].keyBytes) {
    throw badKey(`unknown type or wrong length of key ${type}`)
  }
  const publicKey = Uint8Array.from(key)
  // Such a key would let one signature fit many texts.
  if (kind !== 'ml-dsa-44' && !isStrictPoint(publicKey)) throw badKey('a key of small order')
  if (keyId !== keyIdOf(name, kind, publicKey))
    throw badKey('key id and key do not belong together')
  return { name, keyId, kind, publicKey }
}

/** @throws {HanseError} HANSE_LOG_KEY when the name is not one for notes */
export function formatVerifierKey(name: string, kind: KeyKind, publicKey: Uint8Array): string {
  if (!isKeyName(name)) throw badKey('a name is not empty and has no spaces and no plus')
  if (publicKey.byteLength !== KINDS[kind].keyBytes) throw badKey('wrong length of key')
  const encoded = concat([Uint8Array.of(KINDS[kind].type), publicKey])
  return `${name}+${keyIdOf(name, kind, publicKey)}+${toBase64(encoded)}`
}

/** First four bytes of SHA-256(name ‖ newline ‖ type ‖ key), in hex. */
export function keyIdOf(name: string, kind: KeyKind, publicKey: Uint8Array): string {
  const hashed = sha256(concat([utf8(`${name}\n`), Uint8Array.of(KINDS[kind].type), publicKey]))
  return toHex(hashed.subarray(0, KEY_ID_BYTES))
}

/** Non-empty, without Unicode white space and plus; no control characters, which no note may hold. */
export function isKeyName(name: string): boolean {
  return (
    name !== '' &&
    name.length <= NAME_LENGTH_MAX &&
    name.isWellFormed() &&
    !/[\p{White_Space}+]/u.test(name) &&
    !hasControls(name)
  )
}

/** Whether there is an ASCII control character other than newline: those no note may hold. */
export function hasControls(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x20 && unit !== 0x0a) return true
  }
  return false
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function kindOf(type: number | undefined): KeyKind | undefined {
  if (type === KINDS.ed25519.type) return 'ed25519'
  if (type === KINDS.cosignature.type) return 'cosignature'
  return type === KINDS['ml-dsa-44'].type ? 'ml-dsa-44' : undefined
}

function badKey(why: string): HanseError {
  return new HanseError('HANSE_LOG_KEY', `not a verifier key: ${why}`)
}
