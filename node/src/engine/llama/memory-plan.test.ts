import assert from 'node:assert/strict'
import { test } from 'vitest'
import { contextLengths, memoryError, planMemory } from './memory-plan.ts'

const GIB = 2 ** 30
const need = {
  weightsBytes: 4 * GIB,
  contexts: [
    { length: 8192, bytes: 2 * GIB },
    { length: 4096, bytes: GIB },
  ],
}

test('the longest contexts that fit are taken', () => {
  assert.equal(planMemory(need, 8 * GIB)?.contextLength, 8192)
  assert.equal(planMemory(need, 6 * GIB)?.contextLength, 4096)
  assert.equal(planMemory(need, 5 * GIB), undefined)
})

test('what does not fit is refused with what is needed, what there is, and what to do', () => {
  const { code, message } = memoryError('big', need, 5 * GIB)
  assert.equal(code, 'HANSE_MODEL_MEMORY')
  assert.match(message, /^big needs 5\.4 GiB .*4\.0 GiB for its weights/u)
  assert.match(message, /contexts of 4096 tokens\); 5\.0 GiB are available\. Free memory, lower/u)
})

test('contexts are halved down to the least length, and one that is short already is kept', () => {
  assert.deepEqual(contextLengths(4096, 1024), [4096, 2048, 1024])
  assert.deepEqual(contextLengths(512, 1024), [512])
})
