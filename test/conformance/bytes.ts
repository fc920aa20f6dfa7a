import { createHash } from 'node:crypto'

/**
 * A second implementation of the protocol, written from docs/protocol.md and test/vectors alone: nothing in these files
 * comes from the first. It aims to be plain, not fast.
 */

/** Input that must be refused, by the code that docs/errors.md gives it. */
export class Refused extends Error {
  readonly code: string

  constructor(code: string, message = code) {
    super(message)
    this.code = code
  }
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
export const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
export const utf8 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'utf8'))

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts))
}

export const isEqual = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return Uint8Array.from(hash.digest())
}

/** HMAC (RFC 2104) with SHA-256, for keys of at most one block. */
export function hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  const pad = (byte: number) => Uint8Array.from({ length: 64 }, (_, i) => (key[i] ?? 0) ^ byte)
  return sha256(pad(0x5c), sha256(pad(0x36), message))
}

/** The first 32 bytes of HKDF (RFC 5869) without a salt. */
export function hkdf32(secret: Uint8Array, info: string): Uint8Array {
  return hmac(hmac(new Uint8Array(32), secret), join(utf8(info), Uint8Array.of(1)))
}

/** The number that little-endian bytes write. */
export function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n)
}

/** Unsigned LEB128. */
export function varint(value: number): Uint8Array {
  if (value < 128) return Uint8Array.of(value)
  return join(Uint8Array.of((value % 128) + 128), varint(Math.floor(value / 128)))
}

/** Reads a varint in its shortest form. @returns the value and where it ends, or `undefined` */
export function readVarint(
  bytes: Uint8Array,
  at: number,
): readonly [value: number, end: number] | undefined {
  let value = 0
  for (let i = 0; i < 7; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return undefined
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 128) return byte === 0 && i > 0 ? undefined : [value, at + i + 1]
  }
  return undefined
}
