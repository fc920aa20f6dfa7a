import { getPublicKey, hashes, Point, sign } from '@noble/ed25519'
import { sha256 as nobleSha256, sha512 } from '@noble/hashes/sha2.js'

// Browsers offer SHA-512 only asynchronously, and the session machines are synchronous.
hashes.sha512 = (message) => sha512(message)

/** SHA-256, 32 bytes. */
export function sha256(data: Uint8Array): Uint8Array {
  return nobleSha256(data)
}

/**
 * Cofactorless verification, R = sB − kA on points: the library's own `verify` is cofactored even in its strict mode and
 * would accept what Node refuses. Only ever call it behind the strict rule in `ed25519.ts`.
 */
export function platformVerify(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const r = signature.subarray(0, 32)
  const a = Point.fromBytes(publicKey)
  const k = scalar(sha512(join(r, publicKey, message))) % ORDER
  const s = scalar(signature.subarray(32))
  const sB = s === 0n ? Point.ZERO : Point.BASE.multiply(s, false)
  const kA = k === 0n ? Point.ZERO : a.multiply(k, false)
  return sB.subtract(kA).equals(Point.fromBytes(r))
}

/** Ed25519 (RFC 8032) with a 32-byte seed; 64 bytes. */
export function platformSign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return sign(message, seed)
}

/** The 32-byte public key of a 32-byte seed. */
export function platformPublicKey(seed: Uint8Array): Uint8Array {
  return getPublicKey(seed)
}

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

function scalar(littleEndian: Uint8Array): bigint {
  let value = 0n
  for (let i = littleEndian.byteLength - 1; i >= 0; i--) {
    value = (value << 8n) | BigInt(littleEndian[i] ?? 0)
  }
  return value
}

function join(...parts: Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.byteLength
  }
  return joined
}
