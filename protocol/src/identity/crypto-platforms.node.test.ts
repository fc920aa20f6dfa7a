import { createHash } from 'node:crypto'
import { Point } from '@noble/ed25519'
import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../testing/fixtures.ts'
import * as noble from './crypto-noble.ts'
import * as native from './crypto-node.ts'
import { isStrictPoint, verifyEd25519 } from './ed25519.ts'
import edge from './testdata/ed25519-edge-cases.json' with { type: 'json' }

/** Deterministic bytes, so that a disagreement can be looked at again. */
function* randomBytes(label: string): Generator<Uint8Array, never> {
  for (let i = 0; ; i++) yield createHash('sha512').update(`${label}/${i}`).digest()
}

/** The strict rule's answer with the JavaScript platform; the exported function answers with Node's. */
function verifyByNoble(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const s = BigInt(`0x${toHex(signature.slice(32).toReversed())}`)
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  if (!isStrictPoint(key) || !isStrictPoint(signature.subarray(0, 32)) || s >= order) return false
  try {
    return noble.platformVerify(key, message, signature)
  } catch {
    return false
  }
}

const LOW_ORDER = edge.low_order_encodings_hex.map(fromHex)

describe('both platforms', () => {
  test('hash, derive keys and sign alike', () => {
    const bytes = randomBytes('sign')
    for (let i = 0; i < 200; i++) {
      const seed = Uint8Array.from(bytes.next().value.subarray(0, 32))
      const message = bytes.next().value.subarray(0, i % 64)
      expect(toHex(noble.sha256(message))).toBe(toHex(native.sha256(message)))
      expect(toHex(noble.platformPublicKey(seed))).toBe(toHex(native.platformPublicKey(seed)))
      expect(toHex(noble.platformSign(seed, message))).toBe(
        toHex(native.platformSign(seed, message)),
      )
    }
  })

  test('judge valid, mutated and crafted signatures alike', () => {
    const bytes = randomBytes('verify')
    const torsion = Point.fromBytes(
      fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'),
    )
    const count = { true: 0, false: 0 }
    const compare = (key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
      const answer = verifyEd25519(key, message, signature)
      const other = verifyByNoble(key, message, signature)
      if (answer !== other)
        expect([toHex(key), toHex(message), toHex(signature), other]).toBe(answer)
      count[answer ? 'true' : 'false']++
      return answer
    }
    for (let i = 0; i < 150; i++) {
      const seed = Uint8Array.from(bytes.next().value.subarray(0, 32))
      const message = bytes.next().value.subarray(0, 1 + (i % 60))
      const key = native.platformPublicKey(seed)
      const signature = Uint8Array.from(native.platformSign(seed, message))
      expect(compare(key, message, signature)).toBe(true)
      const random = bytes.next().value
      for (let j = 0; j < 6; j++) {
        const bad = Uint8Array.from([...key, ...signature])
        const at = ((random[2 * j] ?? 0) * 96) >> 8
        bad[at] = (bad[at] ?? 0) ^ (1 << ((random[2 * j + 1] ?? 0) & 7))
        expect(compare(bad.subarray(0, 32), message, bad.subarray(32))).toBe(false)
      }
      // A and R moved by a point of order eight: cofactored verifiers take these, ours must not, or must alike.
      const mixedKey = Point.fromBytes(key).add(torsion).toBytes()
      compare(mixedKey, message, signature)
      const mixedR = Point.fromBytes(signature.subarray(0, 32)).add(torsion).toBytes()
      compare(key, message, Uint8Array.from([...mixedR, ...signature.subarray(32)]))
      compare(mixedKey, message, Uint8Array.from([...mixedR, ...signature.subarray(32)]))
      const low = LOW_ORDER[i % LOW_ORDER.length] ?? key
      compare(low, message, signature)
      compare(key, message, Uint8Array.from([...low, ...signature.subarray(32)]))
      compare(random.subarray(0, 32), message, signature)
      compare(key, message, random)
      compare(key, message, Uint8Array.from([...signature.subarray(0, 32), ...new Uint8Array(32)]))
    }
    for (const vector of edge.vectors) {
      const { pub_key_hex: key, message_hex: message, signature_hex: signature } = vector
      expect(compare(fromHex(key), fromHex(message), fromHex(signature))).toBe(vector.strict_expect)
    }
    expect(count.true).toBeGreaterThanOrEqual(151)
    expect(count.false).toBeGreaterThan(1500)
  }, 60_000)

  test('a mixed-order key whose k happens to cancel is judged alike', () => {
    // A' = A + T verifies without the cofactor exactly when k is a multiple of eight: one message in eight.
    const bytes = randomBytes('mixed')
    const order = 2n ** 252n + 27742317777372353535851937790883648493n
    const torsion = Point.fromBytes(
      fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'),
    )
    const number = (le: Uint8Array) => BigInt(`0x${toHex(Uint8Array.from(le).toReversed())}`)
    const littleEndian = (value: bigint) =>
      Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n))
    let accepted = 0
    for (let i = 0; i < 64; i++) {
      const a = number(bytes.next().value) % order
      const r = number(bytes.next().value) % order
      const key = Point.BASE.multiply(a).add(torsion).toBytes()
      const R = Point.BASE.multiply(r).toBytes()
      const message = bytes.next().value.subarray(0, 20)
      const k = number(createHash('sha512').update(R).update(key).update(message).digest()) % order
      const signature = Uint8Array.from([...R, ...littleEndian((r + k * a) % order)])
      const answer = verifyEd25519(key, message, signature)
      expect(verifyByNoble(key, message, signature)).toBe(answer)
      expect(answer).toBe(k % 8n === 0n)
      if (answer) accepted++
    }
    expect(accepted).toBeGreaterThan(0)
  })
})
