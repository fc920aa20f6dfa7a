import nacl from 'tweetnacl'
import { base58, unbase58 } from './base.ts'
import { isEqual, join, littleEndian, Refused } from './bytes.ts'

/** RFC 8032, 5.1: the field's prime, the order of the base point, and d of the curve −x² + y² = 1 + d·x²·y². */
const P = 2n ** 255n - 19n
const L = 2n ** 252n + 27742317777372353535851937790883648493n
const D = mod(-121665n * inverse(121666n))

/**
 * y of all points of small order: 1 (the neutral one), −1 (order two), 0 (order four), and those of order eight: their
 * doubles have y = 0, so x² = −y², and by the curve's equation d·y⁴ + 2·y² − 1 = 0.
 */
const SMALL_ORDER_Y = new Set([0n, 1n, P - 1n, ...orderEight()])

/** The strict rule of docs/protocol.md. Anything else than a right signature is `false`. */
export function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  if (!isStrict(publicKey) || !isStrict(signature.subarray(0, 32))) return false
  if (littleEndian(signature.subarray(32)) >= L) return false
  return nacl.sign.detached.verify(message, signature, publicKey)
}

export function sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return nacl.sign.detached(message, nacl.sign.keyPair.fromSeed(seed).secretKey)
}

export const publicKeyOf = (seed: Uint8Array): Uint8Array =>
  nacl.sign.keyPair.fromSeed(seed).publicKey

/** A canonical encoding, and of no point of small order. That it is on the curve is left to the equation. */
export function isStrict(point: Uint8Array): boolean {
  const y = littleEndian(point) & (2n ** 255n - 1n)
  return y < P && !SMALL_ORDER_Y.has(y)
}

/** Identity multihash of the protobuf of an Ed25519 key (libp2p peer-ids). */
const PEER_HEAD = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)

export const peerIdOf = (publicKey: Uint8Array): string => base58(join(PEER_HEAD, publicKey))

/** @throws {Refused} HANSE_PEER_ID_INVALID */
export function keyOfPeer(peer: string): Uint8Array {
  const bytes = peer.length === 52 ? unbase58(peer) : undefined
  const key = bytes?.subarray(PEER_HEAD.length)
  if (bytes === undefined || key === undefined || key.length !== 32 || !isStrict(key)) {
    throw new Refused('HANSE_PEER_ID_INVALID')
  }
  if (!isEqual(bytes.subarray(0, PEER_HEAD.length), PEER_HEAD) || peerIdOf(key) !== peer) {
    throw new Refused('HANSE_PEER_ID_INVALID')
  }
  return key
}

export function isPeer(peer: string): boolean {
  try {
    return keyOfPeer(peer).length === 32
  } catch {
    return false
  }
}

function orderEight(): bigint[] {
  const root = squareRoot(mod(1n + D))
  if (root === undefined) throw new Error('no square root of 1 + d')
  const squares = [mod((-1n + root) * inverse(D)), mod((-1n - root) * inverse(D))]
  return squares.flatMap((square) => {
    const y = squareRoot(square)
    return y === undefined ? [] : [y, mod(-y)]
  })
}

function squareRoot(square: bigint): bigint | undefined {
  const candidate = power(square, (P + 3n) / 8n)
  const roots = [candidate, mod(candidate * power(2n, (P - 1n) / 4n))]
  return roots.find((root) => mod(root * root) === mod(square))
}

function mod(value: bigint): bigint {
  return ((value % P) + P) % P
}

function inverse(value: bigint): bigint {
  return power(value, P - 2n)
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  let square = mod(base)
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * square)
    square = mod(square * square)
  }
  return result
}
