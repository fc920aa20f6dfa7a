import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  NO_PACES,
  PACE_BOUNDS,
  PACE_TOKENS_MIN,
  type Paces,
  paceOf,
  paceQuantile,
  slowerThan,
  timedOf,
} from './pace.ts'

interface Answer {
  readonly durationMs: number
  readonly tokens: bigint
}

const answer: fc.Arbitrary<Answer> = fc.record({
  durationMs: fc.nat(2_000_000),
  tokens: fc.bigInt(1n, 2_000n),
})
const answers = fc.array(answer, { maxLength: 60 })

function count(some: readonly Answer[]): Paces {
  const paces = [...NO_PACES]
  for (const { durationMs, tokens } of some) {
    const place = paceOf(durationMs, tokens)
    if (place !== undefined) paces[place] = (paces[place] ?? 0n) + 1n
  }
  return paces
}

const merged = (a: Paces, b: Paces): Paces => a.map((some, i) => some + (b[i] ?? 0n))
const long = (some: readonly Answer[]) => some.filter(({ tokens }) => tokens >= PACE_TOKENS_MIN)
const isWithin = ({ durationMs, tokens }: Answer, bound: number) =>
  BigInt(durationMs) <= BigInt(bound) * tokens

describe('paces', () => {
  test('counts of parts add up to the counts of the whole, and so do their quantiles', () => {
    fc.assert(
      fc.property(answers, answers, fc.nat(10_000), (a, b, share) => {
        const sum = merged(count(a), count(b))
        expect(sum).toEqual(count([...a, ...b]))
        expect(paceQuantile(sum, share)).toBe(paceQuantile(count([...b, ...a]), share))
      }),
    )
  })

  test('a quantile is the least bound that so many of the answers keep', () => {
    fc.assert(
      fc.property(answers, fc.integer({ min: 1, max: 10_000 }), (some, share) => {
        const timed = long(some)
        const keeps = (bound: number) =>
          timed.filter((one) => isWithin(one, bound)).length * 10_000 >= timed.length * share
        const expected = timed.length === 0 ? undefined : PACE_BOUNDS.find(keeps)
        expect(paceQuantile(count(some), share)).toBe(expected ?? null)
      }),
    )
  })

  test('what is slower than a bound is counted exactly', () => {
    fc.assert(
      fc.property(answers, fc.constantFrom(...PACE_BOUNDS), (some, bound) => {
        const slow = long(some).filter((one) => !isWithin(one, bound))
        expect(slowerThan(count(some), bound)).toBe(BigInt(slow.length))
        expect(timedOf(count(some))).toBe(BigInt(long(some).length))
      }),
    )
  })
})
