import fc from 'fast-check'
import nacl from 'tweetnacl'
import { describe, expect, test } from 'vitest'
import { fromHex, RUNS, toHex } from '../testing/fixtures.ts'
import { isStrictPoint, publicKeyOf, signEd25519, verifyEd25519 } from './ed25519.ts'
import edge from './testdata/ed25519-edge-cases.json' with { type: 'json' }

/** RFC 8032, 7.1: secret key, public key, message, signature. */
const RFC8032 = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
] as const

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
const littleEndian = (value: bigint): Uint8Array =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n))
const bigEndianValue = (bytes: Uint8Array): bigint => BigInt(`0x${toHex(bytes.toReversed())}`)

describe('Ed25519', () => {
  test.each(RFC8032)(
    'gives the RFC 8032 answer for key %s',
    (seed, publicKey, message, signature) => {
      expect(toHex(publicKeyOf(fromHex(seed)))).toBe(publicKey)
      expect(toHex(signEd25519(fromHex(seed), fromHex(message)))).toBe(signature)
      expect(verifyEd25519(fromHex(publicKey), fromHex(message), fromHex(signature))).toBe(true)
    },
  )

  test('agrees with tweetnacl on keys, signatures and their verification', () => {
    const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
    fc.assert(
      fc.property(bytes32, fc.uint8Array({ maxLength: 200 }), (seedBytes, messageBytes) => {
        const [seed, message] = [Uint8Array.from(seedBytes), Uint8Array.from(messageBytes)]
        const pair = nacl.sign.keyPair.fromSeed(seed)
        expect(toHex(publicKeyOf(seed))).toBe(toHex(pair.publicKey))
        const signature = signEd25519(seed, message)
        expect(toHex(signature)).toBe(toHex(nacl.sign.detached(message, pair.secretKey)))
        expect(verifyEd25519(pair.publicKey, message, signature)).toBe(true)
      }),
      { numRuns: Math.min(30, RUNS.signed) },
    )
  })

  test('a seed array that is filled anew signs with the new seed', () => {
    const seed = new Uint8Array(32).fill(1)
    const first = toHex(signEd25519(seed, fromHex('00')))
    seed.fill(2)
    expect(toHex(signEd25519(seed, fromHex('00')))).not.toBe(first)
    expect(toHex(publicKeyOf(seed))).toBe(toHex(publicKeyOf(new Uint8Array(32).fill(2))))
  })

  test.each(edge.vectors)('speccheck vector $i is judged by the strict rule', (vector) => {
    const { pub_key_hex: key, message_hex: message, signature_hex: signature } = vector
    expect(verifyEd25519(fromHex(key), fromHex(message), fromHex(signature))).toBe(
      vector.strict_expect,
    )
  })

  const [seed, publicKey, , signature] = RFC8032[1].map(fromHex) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]
  const message = fromHex('72')

  test.each(edge.low_order_encodings_hex)('%s is refused as A and as R', (encoding) => {
    const point = fromHex(encoding)
    expect(isStrictPoint(point)).toBe(false)
    expect(verifyEd25519(point, message, signature)).toBe(false)
    const forged = Uint8Array.from([...point, ...signature.subarray(32)])
    expect(verifyEd25519(publicKey, message, forged)).toBe(false)
    // S = 0 with R of small order is what a cofactored verifier would take for any key of small order.
    expect(verifyEd25519(point, message, Uint8Array.from([...point, ...new Uint8Array(32)]))).toBe(
      false,
    )
  })

  test('every encoding of y at or above the prime is refused', () => {
    for (let low = 0xed; low <= 0xff; low++) {
      for (const top of ['7f', 'ff']) {
        expect(isStrictPoint(fromHex(low.toString(16) + 'ff'.repeat(30) + top))).toBe(false)
      }
    }
    expect(isStrictPoint(fromHex(`eb${'ff'.repeat(30)}7f`))).toBe(true)
  })

  test('S plus the group order is the same equation and is refused', () => {
    const s = bigEndianValue(signature.subarray(32))
    const malleated = Uint8Array.from([...signature.subarray(0, 32), ...littleEndian(s + ORDER)])
    expect(verifyEd25519(publicKey, message, malleated)).toBe(false)
    for (const forged of [ORDER, ORDER + 1n, 2n ** 256n - 1n]) {
      const bytes = Uint8Array.from([...signature.subarray(0, 32), ...littleEndian(forged)])
      expect(verifyEd25519(publicKey, message, bytes)).toBe(false)
    }
  })

  test('wrong lengths and points off the curve are false, not a throw', () => {
    expect(verifyEd25519(new Uint8Array(0), message, signature)).toBe(false)
    expect(verifyEd25519(publicKey.subarray(1), message, signature)).toBe(false)
    expect(verifyEd25519(publicKey, message, signature.subarray(1))).toBe(false)
    expect(verifyEd25519(publicKey, message, Uint8Array.from([...signature, 0]))).toBe(false)
    for (const bad of [undefined, null, '', 0, {}, [...signature], signature.buffer]) {
      const bytes = bad as unknown as Uint8Array
      expect(verifyEd25519(bytes, message, signature)).toBe(false)
      expect(verifyEd25519(publicKey, bytes, signature)).toBe(false)
      expect(verifyEd25519(publicKey, message, bytes)).toBe(false)
    }
    for (let y = 2; y < 12; y++) {
      const point = Uint8Array.from([y, ...new Uint8Array(31)])
      expect(verifyEd25519(point, message, signature)).toBe(false)
      const forged = Uint8Array.from([...point, ...signature.subarray(32)])
      expect(verifyEd25519(publicKey, message, forged)).toBe(false)
    }
  })

  test('every flipped bit of key and signature is refused', () => {
    const both = Uint8Array.from([...publicKey, ...signature])
    const step = RUNS.signed > 100 ? 1 : 11
    for (let bit = 0; bit < both.byteLength * 8; bit += step) {
      const bad = Uint8Array.from(both)
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(verifyEd25519(bad.subarray(0, 32), message, bad.subarray(32))).toBe(false)
    }
    expect(signEd25519(seed, message)).toHaveLength(64)
  })
})
