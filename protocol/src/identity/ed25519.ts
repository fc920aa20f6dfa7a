import { platformPublicKey, platformSign, platformVerify } from '#crypto'

/** Order of the base point (RFC 8032, 5.1), little-endian. */
const ORDER = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010')
/** The field's prime 2²⁵⁵ − 19, little-endian. */
const PRIME = fromHex('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f')
/**
 * y-coordinates of the eight points of small order, without the sign bit: 0, 1, −1 and the two of order eight. With
 * both sign bits and the non-canonical forms (refused by the range check) these are the 14 low-order encodings.
 */
const LOW_ORDER_Y = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map(fromHex)

/**
 * Ed25519 by one strict rule, the same on every runtime: canonical A and R, S below the group order, no point of small
 * order, then the cofactorless equation. Libraries and Node versions differ on exactly these inputs; without the rule a
 * cheat could fork the audit chain by choice of runtime. Bad input is `false`, never a throw.
 */
export function verifyEd25519(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (![publicKey, message, signature].every((bytes) => bytes instanceof Uint8Array)) return false
  if (publicKey.byteLength !== 32 || signature.byteLength !== 64) return false
  if (!isStrictPoint(publicKey) || !isStrictPoint(signature.subarray(0, 32))) return false
  if (!isBelow(signature.subarray(32), ORDER)) return false
  try {
    return platformVerify(publicKey, message, signature)
  } catch {
    return false // not a point on the curve
  }
}

/** Signs with a 32-byte seed (RFC 8032); deterministic, 64 bytes. */
export function signEd25519(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return platformSign(seed, message)
}

export function publicKeyOf(seed: Uint8Array): Uint8Array {
  return platformPublicKey(seed)
}

/** Whether 32 bytes are a canonical encoding that is not of small order. The curve equation is left to the platform. */
export function isStrictPoint(encoded: Uint8Array): boolean {
  if (encoded.byteLength !== 32) return false
  const y = Uint8Array.from(encoded)
  y[31] = (y[31] ?? 0) & 0x7f
  if (!isBelow(y, PRIME)) return false
  return !LOW_ORDER_Y.some((low) => low.every((byte, i) => byte === y[i]))
}

function isBelow(value: Uint8Array, limit: Uint8Array): boolean {
  for (let i = 31; i >= 0; i--) {
    const a = value[i] ?? 0
    const b = limit[i] ?? 0
    if (a !== b) return a < b
  }
  return false
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../gu) ?? [], (byte) => Number.parseInt(byte, 16))
}
