const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Base58 of Bitcoin: a big number, and a 1 for each zero byte before it. */
export function base58(bytes: Uint8Array): string {
  let value = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
  let text = ''
  for (; value > 0n; value /= 58n) text = (BASE58[Number(value % 58n)] ?? '') + text
  const zeros = bytes.findIndex((byte) => byte !== 0)
  return '1'.repeat(zeros === -1 ? bytes.length : zeros) + text
}

export function unbase58(text: string): Uint8Array | undefined {
  let value = 0n
  for (const letter of text) {
    const digit = BASE58.indexOf(letter)
    if (digit === -1) return undefined
    value = value * 58n + BigInt(digit)
  }
  const digits: number[] = []
  for (; value > 0n; value /= 256n) digits.unshift(Number(value % 256n))
  const ones = /^1*/u.exec(text)?.[0].length ?? 0
  return Uint8Array.of(...new Uint8Array(ones), ...digits)
}

/** RFC 4648 in lower case, without padding. */
export const base32 = (bytes: Uint8Array): string => encode(BASE32, 5, bytes)

/** RFC 4648 with padding. */
export function base64(bytes: Uint8Array): string {
  const text = encode(BASE64, 6, bytes)
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}

/** Only the one form that `base64` writes. */
export function unbase64(text: string): Uint8Array | undefined {
  const bytes = decode(BASE64, 6, text.replace(/=*$/u, ''))
  return bytes !== undefined && base64(bytes) === text ? bytes : undefined
}

/** @throws {TypeError} on other letters: only vectors are read by it */
export function unbase32(text: string): Uint8Array {
  const bytes = decode(BASE32, 5, text)
  if (bytes === undefined) throw new TypeError(`no base32: ${text}`)
  return bytes
}

function decode(alphabet: string, width: number, text: string): Uint8Array | undefined {
  const bits: number[] = []
  for (const letter of text) {
    const value = alphabet.indexOf(letter)
    if (value === -1) return undefined
    for (let bit = width - 1; bit >= 0; bit--) bits.push((value >> bit) & 1)
  }
  return Uint8Array.from({ length: Math.floor(bits.length / 8) }, (_, i) =>
    bits.slice(8 * i, 8 * i + 8).reduce((sum, bit) => sum * 2 + bit, 0),
  )
}

function encode(alphabet: string, width: number, bytes: Uint8Array): string {
  let text = ''
  let held = 0
  let count = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    count += 8
    for (; count >= width; count -= width)
      text += alphabet[(held >> (count - width)) & (2 ** width - 1)] ?? ''
    held &= 2 ** count - 1
  }
  return count > 0 ? text + (alphabet[(held << (width - count)) & (2 ** width - 1)] ?? '') : text
}
