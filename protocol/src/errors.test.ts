import { expect, test } from 'vitest'
import { ERRORS, HanseError, isErrorCode } from './errors.ts'
import { FINAL_REASONS, isAnswered, REASON_CODES } from './session/reasons.ts'

test('every code has a status, a type and advice in one sentence', () => {
  for (const [code, { http, advice }] of Object.entries(ERRORS)) {
    expect(code).toMatch(/^HANSE_[A-Z_]+$/u)
    expect(http).toBeGreaterThanOrEqual(400)
    expect(http).toBeLessThan(600)
    expect(advice).toMatch(/\.$/u)
  }
})

test('every reason that is no answer has a code', () => {
  for (const reason of FINAL_REASONS) {
    if (reason !== 'completed' && reason !== 'length') {
      expect(isErrorCode(REASON_CODES[reason])).toBe(true)
    }
    expect(isAnswered(reason)).toBe(reason === 'completed' || reason === 'length')
  }
})

test('names that every object has are no error codes', () => {
  for (const name of ['toString', '__proto__', 'constructor', '', 1, null, undefined]) {
    expect(isErrorCode(name)).toBe(false)
  }
})

test('an error keeps its cause and its wait', () => {
  const cause = new Error('deep')
  const error = new HanseError('HANSE_CAPACITY', 'busy', { cause, retryAfterMs: 5 })
  expect([error.cause, error.retryAfterMs, error.name]).toEqual([cause, 5, 'HanseError'])
  expect('cause' in new HanseError('HANSE_CAPACITY', 'busy')).toBe(false)
})
