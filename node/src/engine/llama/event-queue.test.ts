import assert from 'node:assert/strict'
import { test } from 'vitest'
import { EventQueue } from './event-queue.ts'

test('the reader gets all that is there, then the end', async () => {
  const queue = new EventQueue<number>()
  queue.push(1, 2)
  queue.push(3)
  queue.close()
  assert.deepEqual(await queue.next(), [1, 2, 3])
  assert.equal(await queue.next(), undefined)
})

test('what came before a failure is read first', async () => {
  const queue = new EventQueue<number>()
  queue.push(1)
  queue.fail(new Error('first'))
  queue.fail(new Error('second'))
  assert.deepEqual(await queue.next(), [1])
  await assert.rejects(queue.next(), { message: 'first' })
})

test('a full queue makes its writer wait until it is read', async () => {
  const queue = new EventQueue<number>(2)
  await queue.room()
  queue.push(1, 2)
  let entered = false
  const entering = queue.room().then(() => {
    entered = true
  })
  await new Promise(setImmediate)
  assert.equal(entered, false)
  assert.deepEqual(await queue.next(), [1, 2])
  await entering
})

test('a writer does not wait for a reader that has gone', async () => {
  const queue = new EventQueue<number>(1)
  queue.push(1)
  const entering = queue.room()
  queue.close()
  await entering
})
