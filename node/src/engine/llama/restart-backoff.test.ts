import assert from 'node:assert/strict'
import { test } from 'vitest'
import { RESTART_PACE, RestartBackoff } from './restart-backoff.ts'

test('waits double from half a second to a minute', () => {
  const backoff = new RestartBackoff(RESTART_PACE, () => 1)
  const waits = Array.from({ length: 9 }, () => backoff.next(0))
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
})

test('jitter takes away up to half', () => {
  assert.equal(new RestartBackoff(RESTART_PACE, () => 0).next(0), 250)
})

test('a minute of health makes the next fault a first one', () => {
  const backoff = new RestartBackoff(RESTART_PACE, () => 1)
  backoff.next(0)
  assert.equal(backoff.next(59_999), 1000)
  assert.equal(backoff.next(60_000), 500)
})
