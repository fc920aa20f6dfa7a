import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { NAMED_BY_ONE_MAX, ProviderDraw } from './provider-draw.ts'

const LIMIT = 64
const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i)
/** The same numbers again and again, from 0 to below 1. */
const lot = (seed: number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
const open = (random = lot(1), limit = LIMIT) =>
  new ProviderDraw<number>({ limit, idOf: (peer) => peer, random })

describe('what one answer brings', () => {
  test('is eight at most while others answer, whoever they are', () => {
    const draw = open()
    assert.equal(draw.add(range(1_000, 10_000)).length, NAMED_BY_ONE_MAX)
    assert.deepEqual(
      draw.add(range(1, 3)).sort((a, b) => a - b),
      [1, 2, 3],
    )
    assert.deepEqual(draw.add([]), [])
  })

  test('counts nobody whom another has named already', () => {
    const draw = open()
    const first = draw.add(range(0, 10))
    const second = draw.add(range(0, 10))
    assert.deepEqual(
      [...first, ...second].sort((a, b) => a - b),
      range(0, 10),
    )
    assert.deepEqual(draw.add(range(0, 10)), [])
  })

  test('is another for each consumer, of the same long answer', () => {
    const seen = new Set<number>()
    for (let seed = 0; seed < 200; seed++)
      for (const peer of open(lot(seed)).add(range(0, 300))) seen.add(peer)
    assert.ok(seen.size > 290, `${seen.size} of 300`)
  })

  test('is more where few have answered: a small network shows all that it has', () => {
    const draw = open()
    assert.equal(draw.add(range(0, 40)).length, NAMED_BY_ONE_MAX)
    assert.equal(draw.rest().length, 40 - NAMED_BY_ONE_MAX)
    assert.deepEqual(draw.rest(), [])
  })

  test('is a fair share of what is wanted, in the end', () => {
    const draw = open()
    draw.add(range(0, 1_000))
    draw.add(range(1_000, 5))
    draw.add(range(2_000, 1_000))
    const rest = draw.rest()
    // 64 for three of them: 22 each, and the honest one had no more than it named.
    const of = (from: number) => rest.filter((peer) => peer >= from && peer < from + 1_000).length
    assert.equal(of(0) + NAMED_BY_ONE_MAX, 22)
    assert.equal(of(2_000) + NAMED_BY_ONE_MAX, 22)
  })

  test('leaves room for ten honest providers, whatever up to six liars name and whoever answers first', () => {
    const honest = range(0, 10)
    const answers = fc
      .tuple(fc.array(fc.nat(2_000), { maxLength: 6 }), fc.integer({ min: 1, max: 20 }), fc.nat())
      .chain(([lies, holders, seed]) => {
        const told = [
          ...lies.map((count, i) => range(10_000 * (i + 1), count)),
          ...range(0, holders).map(() => honest),
        ]
        return fc.record({
          told: fc.shuffledSubarray(told, { minLength: told.length }),
          seed: fc.constant(seed),
        })
      })
    fc.assert(
      fc.property(answers, ({ told, seed }) => {
        const draw = open(lot(seed))
        const found = told.flatMap((named) => draw.add(named))
        found.push(...draw.rest())
        assert.equal(new Set(found).size, found.length)
        assert.ok(found.length <= LIMIT)
        assert.ok(found.filter((peer) => peer < 10).length >= NAMED_BY_ONE_MAX)
      }),
    )
  })

  test('ends at the limit', () => {
    const draw = open(lot(3), 3)
    assert.equal(draw.add(range(0, 10)).length, 3)
    assert.ok(draw.isFull)
    assert.deepEqual(draw.rest(), [])
  })
})
