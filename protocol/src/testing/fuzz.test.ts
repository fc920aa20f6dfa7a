import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RUNS } from './fixtures.ts'
import { TARGETS } from './fuzz.ts'

// A moment of what `npm run fuzz` does for as long as one wants.

test('every target has a name of its own', () => {
  expect(new Set(TARGETS.map(({ name }) => name)).size).toBe(TARGETS.length)
})

test.each(TARGETS)(
  '$name: hostile bytes are refused or read, nothing else',
  ({ inputs, run, cost }) => {
    fc.assert(fc.property(inputs, run), { numRuns: RUNS[cost] })
  },
)
