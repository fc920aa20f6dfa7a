import { expect, test } from 'vitest'
import { ownerLines } from './provider-link.ts'

const AT = Date.parse('2026-11-21T17:20:00Z')

test('who looks after a provider is told with when it was, and nothing of a name reaches the terminal', () => {
  expect(
    ownerLines([
      { person: 'per_1', email: 'ada@example.org', linkedAt: AT },
      { person: 'per_2', email: 'e\u001b[31mve@example.org', linkedAt: AT },
    ]),
  ).toEqual(['ada@example.org, since 2026-11-21 17:20 UTC', expect.not.stringContaining('\u001b')])
})

test('where there is nobody, that is said', () => {
  expect(ownerLines([])).toEqual(['nobody: only this node’s key speaks for it'])
})
