import { expect, test } from 'vitest'
import released from './golden.json' with { type: 'json' }
import { golden } from './golden.ts'

// A difference here is a change of the wire: other releases will not read it. If it is wanted, and $type or the
// protocol's version says so: node protocol/src/testing/write-golden.ts > protocol/src/testing/golden.json
test('records, names, signatures and frames are what they were', () => {
  expect(golden()).toEqual(released)
})
