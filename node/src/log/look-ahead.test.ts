import assert from 'node:assert/strict'
import { auditTiles, LogWriter, MemoryLogStore, parseCheckpoint } from '@hanse/protocol'
import { test } from 'vitest'
import { lookAhead } from './look-ahead.ts'
import { appendAll, entriesOf, testSigner } from './testing/log-folder.ts'

test.each([true, false])(
  'an audit with look-ahead (entries: %s) waits a fraction of the time',
  async (entries) => {
    const store = new MemoryLogStore()
    const note = await appendAll(await LogWriter.open(store, testSigner()), entriesOf(0, 10_000))
    const head = parseCheckpoint(note)
    let underWay = 0
    let most = 0
    const fetched: string[] = []
    const fetch = lookAhead(
      async (path) => {
        fetched.push(path)
        most = Math.max(most, ++underWay)
        await new Promise((resolve) => setImmediate(resolve))
        underWay--
        return await store.read(path)
      },
      head.size,
      { entries, count: 8 },
    )
    const mode = entries ? 'require' : 'ignore'
    assert.deepEqual((await auditTiles(fetch, head, { entries: mode })).disagreements, [])
    assert.ok(most >= 7 && most <= 9, `${most} at once`)
    const twice = fetched.length - new Set(fetched).size
    assert.ok(twice <= 2, 'only upper tiles, which are read for their children too')
  },
)

test('faults come to whoever asks, and to nobody else', async () => {
  const fetch = lookAhead(
    async (path) => {
      if (path === 'tile/0/001') throw new Error('no')
      return undefined
    },
    1000n,
    { entries: false, count: 8 },
  )
  assert.equal(await fetch('tile/0/000'), undefined)
  await assert.rejects(fetch('tile/0/001'), /no/u)
  assert.equal(await fetch('tile/0/003.p/232'), undefined)
  assert.equal(await fetch('tile/9/000'), undefined)
})
