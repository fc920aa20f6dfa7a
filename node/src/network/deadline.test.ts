import assert from 'node:assert/strict'
import { test } from 'vitest'
import { Deadline } from './deadline.ts'

test('a deadline ends with its time, with the other signal, and not at all once it is disposed of', async () => {
  using late = new Deadline(1)
  await new Promise((resolve) => late.signal.addEventListener('abort', resolve))
  assert.equal((late.signal.reason as Error).name, 'TimeoutError')

  const other = new AbortController()
  using either = new Deadline(60_000, other.signal)
  const over = new Deadline(60_000, other.signal)
  over[Symbol.dispose]()
  other.abort('gone')
  assert.equal(either.signal.reason, 'gone')
  assert.equal(over.signal.aborted, false)

  using before = new Deadline(60_000, other.signal)
  assert.equal(before.signal.reason, 'gone')
})
