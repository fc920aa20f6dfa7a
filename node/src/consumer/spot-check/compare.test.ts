import { DIVERGENCE_MAX } from '@hanse/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareTexts } from './compare.ts'

describe('two texts', () => {
  test.each([
    ['', '', 0n, 0n, 0],
    ['The capital is Paris.', 'The capital is Paris.', 21n, 21n, 0],
    ['abc', '', 3n, 0n, DIVERGENCE_MAX],
    ['abc', 'xyz', 3n, 0n, DIVERGENCE_MAX],
    // 4 of 8 bytes agree, and nothing of the rest.
    ['one two', 'one six!', 8n, 4n, 500_000],
    // Two bytes of one character, of which the first agree.
    ['é', 'è', 2n, 1n, 500_000],
  ])('%j and %j', (one, other, bytes, agreed, divergence) => {
    expect(compareTexts(one, other)).toEqual({ bytes, agreed, divergence })
  })

  test('that part and meet again differ less than two that do not', () => {
    const tail = 'and from there on both say just the same for quite some time'
    const near = compareTexts(`It is small, ${tail}`, `It is little, ${tail}`)
    const far = compareTexts(`It is small, ${tail}`, 'It is wrong to ask such things of a machine')
    expect(near.divergence).toBeLessThan(300_000)
    expect(far.divergence).toBeGreaterThan(800_000)
  })

  test('differ by the same in both directions, and not at all exactly when they are the same', () => {
    const texts = fc.array(fc.constantFrom('a', 'b', ' ', 'é', '\u{1F600}'), { maxLength: 12 })
    fc.assert(
      fc.property(texts, texts, (x, y) => {
        const [one, other] = [x.join(''), y.join('')]
        const compared = compareTexts(one, other)
        expect(compareTexts(other, one)).toEqual(compared)
        expect(compared.divergence === 0).toBe(one === other)
        expect(compared.divergence).toBeLessThanOrEqual(DIVERGENCE_MAX)
        expect(compared.agreed === compared.bytes).toBe(one === other)
      }),
    )
  })
})
