import assert from 'node:assert/strict'
import { HanseError, parsePrice } from '@hanse/protocol'
import { describe, test } from 'vitest'
import { narrowed } from './narrow-policy.ts'
import type { RequestPolicy } from './request.ts'

describe('a policy within limits', () => {
  test.each<[string[] | undefined, string[] | undefined, string[] | undefined]>([
    [undefined, undefined, undefined],
    [undefined, ['EU'], ['EU']],
    [[], ['EU'], ['EU']],
    [['DE'], [], ['DE']],
    [[], [], []],
    [['EU'], ['EEA'], ['EU']],
    [['DE', 'NO'], ['EU'], ['DE']],
    [
      ['EU', 'CH'],
      ['FR', 'CH', 'US'],
      ['CH', 'FR'],
    ],
  ])('from %j and %j is %j', (regions, limit, expected) => {
    const policy = narrowed(regions === undefined ? {} : { regions }, { regions: limit ?? [] })
    assert.deepEqual(policy.regions ?? [], expected ?? [])
  })

  test('never becomes “anywhere” where nothing is common', () => {
    assert.throws(
      () => narrowed({ regions: ['US'] }, { regions: ['EU'] }),
      (error) => error instanceof HanseError && error.code === 'HANSE_POLICY_RESIDENCY',
    )
  })

  test('takes the higher level, and the kinds of evidence that either asks for', () => {
    const policy: RequestPolicy = { minLevel: 2, evidence: ['latency'] }
    assert.deepEqual(narrowed(policy, { minLevel: 3, evidence: ['operator', 'latency'] }), {
      minLevel: 3,
      evidence: ['latency', 'operator'],
    })
    assert.deepEqual(narrowed(policy, {}), policy)
  })

  test('takes the lower price, and leaves the rest as it was asked', () => {
    const [low, high] = [parsePrice('0.10'), parsePrice('0.20')]
    const policy = { sort: 'price', maxInputPrice: high, maxOutputPrice: low } as const
    assert.deepEqual(narrowed(policy, { maxInputPrice: low, maxOutputPrice: high }), {
      ...policy,
      maxInputPrice: low,
    })
    assert.equal(narrowed(policy, undefined), policy)
  })
})
