import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { auditTiles, LogWriter, openCheckpoint, TileReader } from '@hanse/protocol'
import { logStoreContract } from '@hanse/protocol/testing/log-store'
import { describe, test } from 'vitest'
import { openLogDatabase, SqliteLogStore } from './sqlite-log-store.ts'
import { entriesOf, temporaryFolder, testSigner } from './testing/log-folder.ts'

const APPEND_LOOP = fileURLToPath(new URL('./testing/append-loop.ts', import.meta.url))
const signer = testSigner()

logStoreContract('in SQLite', async () => {
  const stack = new DisposableStack()
  const folder = stack.use(temporaryFolder())
  const open = () => new SqliteLogStore(stack.use(openLogDatabase(folder.at('log.db'))))
  return { store: open(), reopen: async () => open(), close: async () => stack.dispose() }
})

/** Reads the whole log from its tiles. @returns its size and its entries, as text */
async function fsck(path: string): Promise<{ size: number; entries: string[] }> {
  using db = openLogDatabase(path)
  const store = new SqliteLogStore(db)
  const note = await store.readCheckpoint()
  if (note === undefined) return { size: 0, entries: [] }
  const head = openCheckpoint(note, signer.vkey)
  const read = async (tile: string) => await store.read(tile)
  const audit = await auditTiles(read, head)
  assert.deepEqual(audit.disagreements, [])
  assert.equal(audit.entriesChecked, head.size)
  const reader = new TileReader(read, head.size)
  const entries: string[] = []
  for (let bundle = 0n; bundle * 256n < head.size; bundle++) {
    const read = await reader.tile('entries', bundle)
    entries.push(...read.map((bytes) => Buffer.from(bytes).toString()))
  }
  return { size: Number(head.size), entries }
}

function startAppending(path: string, name: string, batches?: number) {
  const args = [APPEND_LOOP, path, name, ...(batches === undefined ? [] : [String(batches)])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let told = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    told += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const closed = once(child, 'close') as Promise<[number | null]>
  return {
    child,
    firstTold: once(child.stdout, 'data'),
    ended: closed.then(([code]) => ({
      code,
      errors,
      told: told.split('\n').slice(0, -1).map(Number),
    })),
  }
}

describe('a log in SQLite', () => {
  test('is readable by its owner alone', () => {
    using folder = temporaryFolder()
    using _db = openLogDatabase(folder.at('log.db'))
    assert.equal(statSync(folder.at('log.db')).mode & 0o777, 0o600)
  })

  test('drops partial tiles once the full one is there, and not before', async () => {
    using folder = temporaryFolder()
    using db = openLogDatabase(folder.at('log.db'))
    const store = new SqliteLogStore(db)
    const writer = await LogWriter.open(store, signer)
    const paths = () =>
      db
        .prepare('select path from tile order by path')
        .all()
        .map((row) => row.path)
    for (const [from, to] of [
      [0, 3],
      [3, 255],
    ] as const)
      await writer.append(entriesOf(from, to))
    const partial = [
      'tile/0/000.p/255',
      'tile/0/000.p/3',
      'tile/entries/000.p/255',
      'tile/entries/000.p/3',
    ]
    assert.deepEqual(paths(), partial)
    await writer.append(entriesOf(255, 257))
    assert.deepEqual(paths(), [
      'tile/0/000',
      'tile/0/001.p/1',
      'tile/1/000.p/1',
      'tile/entries/000',
      'tile/entries/001.p/1',
    ])
  })

  test('is whole after each of several kills in mid-append, and has all that was told', async () => {
    using folder = temporaryFolder()
    const path = folder.at('log.db')
    let least = 0
    for (let round = 0; round < 5; round++) {
      const running = startAppending(path, `round ${round}`)
      await running.firstTold
      await new Promise((resolve) => setTimeout(resolve, 40 + 53 * round))
      running.child.kill('SIGKILL')
      const { told } = await running.ended
      const { size } = await fsck(path)
      assert.ok(size >= (told.at(-1) ?? 0), `${size} of ${told.at(-1)}`)
      assert.ok(size > least)
      least = size
    }
  }, 60_000)

  test('never forks when two processes append at once', async () => {
    using folder = temporaryFolder()
    const path = folder.at('log.db')
    const both = ['a', 'b'].map((name) => startAppending(path, name, 40))
    const ended = await Promise.all(both.map(async ({ ended }) => await ended))
    const sizes = ended.map(({ told }) => told.length)
    // A loser of sixteen races in a row stops; it says why.
    for (const { code, errors } of ended) {
      assert.ok(code === 0 || /HANSE_LOG_CONFLICT/u.test(errors), errors)
    }
    const { entries } = await fsck(path)
    assert.equal(new Set(entries).size, entries.length, 'nothing twice')
    for (const [i, name] of ['a', 'b'].entries()) {
      const own = entries.filter((entry) => entry.startsWith(`${name} `))
      assert.deepEqual(own, own.toSorted(byBatch), 'in the order of its writer')
      const batches = new Set(own.map((entry) => entry.split(' ')[1]))
      assert.ok(batches.size >= (sizes[i] ?? 0))
    }
  }, 60_000)
})

function byBatch(a: string, b: string): number {
  const [x = [], y = []] = [a, b].map((entry) => entry.split(' ').slice(1).map(Number))
  return (x[0] ?? 0) - (y[0] ?? 0) || (x[1] ?? 0) - (y[1] ?? 0)
}
