import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeOrder } from '../testing/fixtures.ts'
import { fixedChoices, seedOf } from './determinism.ts'

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

describe('what an order decides for the engine', () => {
  test('is its CID, its time in seconds, its model, and the first four bytes of its nonce', () => {
    const nonce = Uint8Array.from({ length: 16 }, (_, i) => 0xf0 + i)
    const ordered = makeOrder({ nonce })
    expect(fixedChoices(ordered)).toEqual({
      id: ordered.cid.toString(),
      created: Math.floor(ordered.value.issuedAt / 1000),
      model: ordered.value.model,
      seed: 0xf0f1f2f3,
    })
  })

  test('is read from the nonce’s own bytes, wherever they lie in a buffer', () => {
    const buffer = Uint8Array.from({ length: 32 }, (_, i) => i)
    const { cid, value } = makeOrder()
    const ordered = { cid, value: { ...value, nonce: buffer.subarray(8, 24) } }
    expect(fixedChoices(ordered as ReturnType<typeof makeOrder>).seed).toBe(0x08090a0b)
  })
})

describe('the seed of a request', () => {
  const fixed = { id: 'x', created: 0, model: 'm', seed: 7 }

  test('is its own, of which 32 bits count', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (seed) => {
        expect(seedOf(encode({ seed }), fixed)).toBe(Number(BigInt.asUintN(32, BigInt(seed))))
      }),
    )
  })

  test.each([{}, { seed: null }, { seed: 1.5 }, { seed: '9' }, { seed: 2 ** 60 }, [], null])(
    'is the order’s for %j',
    (request) => {
      expect(seedOf(encode(request), fixed)).toBe(7)
    },
  )

  test('is the order’s for what is no JSON', () => {
    expect(seedOf(Uint8Array.of(0xff, 0x7b), fixed)).toBe(7)
  })
})
