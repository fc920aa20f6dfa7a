import { base64pad } from 'multiformats/bases/base64'

/** Standard base64 with padding (RFC 4648, 4). */
export function toBase64(bytes: Uint8Array): string {
  return base64pad.baseEncode(bytes)
}

/**
 * The bytes, or `undefined` when the text is not the one base64 form of them: another alphabet, white space, no padding,
 * or bits set beyond the last byte. With those, the same signature could be written in several ways.
 */
export function fromBase64(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/u.test(text)) return undefined
  let bytes: Uint8Array
  try {
    bytes = base64pad.baseDecode(text)
  } catch {
    return undefined
  }
  return toBase64(bytes) === text ? bytes : undefined
}
