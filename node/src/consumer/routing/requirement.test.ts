import assert from 'node:assert/strict'
import { picoEuro } from '@hanse/protocol'
import { describe, test } from 'vitest'
import { requirementOf, residencyOf } from './requirement.ts'

describe('a policy', () => {
  const own = {
    residency: { allow: ['EU'], minLevel: 2, trustedAttestors: [] },
    maxInputPrice: picoEuro(100n),
    maxOutputPrice: undefined,
  }

  test('can only narrow what the node allows', () => {
    const wide = {
      regions: ['US', 'DE'],
      minLevel: 0,
      maxInputPrice: picoEuro(500n),
      maxOutputPrice: picoEuro(7n),
    }
    const requirement = requirementOf(own, wide, { model: 'm' }, 0)
    assert.equal(requirement.maxInputPrice, 100n)
    assert.equal(requirement.maxOutputPrice, 7n)
    assert.deepEqual(requirement.residency, own.residency)
    assert.deepEqual(residencyOf(own.residency, wide), { allow: ['DE'], minLevel: 2 })
    assert.equal(residencyOf(own.residency, { regions: ['US'] }), undefined)
  })

  test('of nothing asks for nothing more', () => {
    assert.deepEqual(requirementOf(own, {}, {}, 5), {
      residency: own.residency,
      narrowed: {},
      maxInputPrice: 100n,
      now: 5,
    })
  })
})
