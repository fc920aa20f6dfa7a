import assert from 'node:assert/strict'
import type { SessionNote } from '@hanse/protocol'
import { test } from 'vitest'
import { NoteSender } from './note-sender.ts'

const note = (session: string): SessionNote => ({
  session,
  tags: [],
  user: null,
  firstMs: null,
  totalMs: null,
  receipt: null,
})

/** Notes in memory, and what became of each. */
function outline(batches: SessionNote[][]) {
  const told: string[] = []
  const failed: string[] = []
  return {
    told,
    failed,
    notes: {
      due: () => batches.shift() ?? [],
      told: (sessions: readonly string[]) => void told.push(...sessions),
      failed: (sessions: readonly string[]) => void failed.push(...sessions),
    },
  }
}

/** Long enough that only `flush` sends. */
const NEVER_MS = 2 ** 30

test('all that is due is told in one go, and only what was taken counts as told', async () => {
  const { notes, told, failed } = outline([[note('a'), note('b')], [note('c')], [note('d')]])
  const sent: string[][] = []
  const faults: unknown[] = []
  const sender = new NoteSender(
    {
      notes,
      now: () => 0,
      send: async (batch) => {
        sent.push(batch.map(({ session }) => session))
        if (sent.length === 2) throw new Error('away')
      },
      onFailure: (error) => faults.push(error),
    },
    NEVER_MS,
  )
  await Promise.all([sender.flush(), sender.flush()])
  assert.deepEqual(sent, [['a', 'b'], ['c']])
  assert.deepEqual([told, failed, faults.length], [['a', 'b'], ['c'], 1])
  await sender[Symbol.asyncDispose]()
  assert.deepEqual(sent.at(-1), ['d'])
  assert.deepEqual(told, ['a', 'b', 'd'])
})

test('a store that fails stops nothing', async () => {
  const faults: unknown[] = []
  const sender = new NoteSender(
    {
      notes: {
        due: () => {
          throw new Error('disk')
        },
        told: () => {},
        failed: () => {},
      },
      now: () => 0,
      send: async () => {},
      onFailure: (error) => faults.push(error),
    },
    NEVER_MS,
  )
  await sender.flush()
  await sender[Symbol.asyncDispose]()
  assert.equal(faults.length, 2)
})
