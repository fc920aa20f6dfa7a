import assert from 'node:assert/strict'
import { ERRORS, type ErrorCode, HanseError } from '@hanse/protocol'
import { describe, test } from 'vitest'
import { mayGoOn, mostTelling, type Verdict, verdictOf } from './verdict.ts'

describe('a verdict', () => {
  const sent = { ordered: true, cancelled: false }

  test.each<[ErrorCode, Verdict]>([
    ['HANSE_CAPACITY', 'declined'],
    ['HANSE_MODEL_UNKNOWN', 'declined'],
    ['HANSE_ENGINE_REFUSED', 'request'],
    ['HANSE_ENGINE_FAILED', 'failed'],
    ['HANSE_SIGNATURE_INVALID', 'failed'],
    ['HANSE_RECEIPT_AMOUNT', 'failed'],
    ['HANSE_AUTHORIZATION_EXHAUSTED', 'own'],
    // Only this side could know that: the provider talks nonsense.
    ['HANSE_BUDGET_EXHAUSTED', 'failed'],
    ['HANSE_SESSION_CANCELLED', 'failed'],
  ])('%s of a provider is %s', (code, verdict) => {
    assert.equal(verdictOf(code, sent), verdict)
  })

  test('before the order was sent, only who cannot be reached has failed', () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[])
      assert.equal(
        verdictOf(code, { ordered: false, cancelled: false }),
        code === 'HANSE_PROVIDER_UNREACHABLE' ? 'failed' : 'own',
      )
  })

  test('what this side cancelled says nothing', () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[])
      assert.equal(verdictOf(code, { ordered: true, cancelled: true }), 'own')
  })

  test('no client is answered 4xx for what a provider did', () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const verdict = verdictOf(code, sent)
      if (verdict !== 'failed') continue
      const told = mostTelling([{ error: new HanseError(code, 'so'), verdict }])
      assert.ok(told !== undefined)
      assert.ok(ERRORS[told.code].http >= 500, code)
    }
  })

  test('a longer context may be elsewhere, money that is not there is not', () => {
    assert.equal(mayGoOn('HANSE_CONTEXT_LENGTH', 'request'), true)
    assert.equal(mayGoOn('HANSE_ENGINE_REFUSED', 'request'), false)
    assert.equal(mayGoOn('HANSE_BUDGET_EXHAUSTED', 'own'), false)
    assert.equal(mayGoOn('HANSE_AUTHORIZATION_REQUIRED', 'own'), true)
  })

  test('several faults are told as one, with their counts', () => {
    const fault = (code: ErrorCode) => ({
      error: new HanseError(code, 'so'),
      verdict: verdictOf(code, sent),
    })
    const told = mostTelling([
      fault('HANSE_PROVIDER_UNREACHABLE'),
      fault('HANSE_ENGINE_FAILED'),
      fault('HANSE_PROVIDER_UNREACHABLE'),
    ])
    assert.equal(told?.code, 'HANSE_ENGINE_FAILED')
    assert.match(told?.message ?? '', /2 HANSE_PROVIDER_UNREACHABLE, 1 HANSE_ENGINE_FAILED/u)
    assert.equal(mostTelling([]), undefined)
  })
})
