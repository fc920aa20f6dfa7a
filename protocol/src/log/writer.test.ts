import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asHanseError } from '../errors.ts'
import { RUNS, signerFrom } from '../testing/fixtures.ts'
import { logStoreContract } from '../testing/log-store-contract.ts'
import { utf8 } from '../wire.ts'
import { auditTiles } from './audit.ts'
import { openCheckpoint } from './checkpoint.ts'
import { MemoryLogStore } from './memory-log-store.ts'
import { noteSignerOf } from './note.ts'
import type { LogCommit, LogStore } from './store.ts'
import { tilesOf } from './testdata/tiles-of.ts'
import { rootOf } from './tree.ts'
import { BATCH_ENTRIES_MAX, LogWriter } from './writer.ts'

const signer = noteSignerOf('log.example/writer', signerFrom(32))
const entries = (from: number, to: number): Uint8Array[] =>
  Array.from({ length: to - from }, (_, i) => utf8(`entry ${from + i}`))

logStoreContract('in memory', async () => {
  const store = new MemoryLogStore()
  return { store, reopen: async () => store, close: async () => {} }
})

/** A store whose commits can be made to fail, before or after they happened. */
class FailingStore implements LogStore {
  readonly inner = new MemoryLogStore()
  fail: 'before' | 'after' | undefined
  /** What a restored backup would say. */
  old: LogStore | undefined

  readCheckpoint = async () => (this.old ?? this.inner).readCheckpoint()
  read = async (path: string) => (this.old ?? this.inner).read(path)

  async commit(commit: LogCommit): Promise<boolean> {
    const fail = this.fail
    this.fail = undefined
    if (fail === 'before') throw new Error('disk full')
    const done = await (this.old ?? this.inner).commit(commit)
    if (fail === 'after') throw new Error('connection lost')
    return done
  }
}

const failure = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'accepted',
    (error: unknown) => asHanseError(error).code,
  )

describe('a writer', () => {
  test('writes exactly the tiles of the definition, in whatever batches', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(400), { maxLength: 6 }), async (batches) => {
        const store = new MemoryLogStore()
        const writer = await LogWriter.open(store, signer)
        let size = 0
        for (const batch of batches) {
          const { firstIndex, checkpoint } = await writer.append(entries(size, size + batch))
          expect(firstIndex).toBe(BigInt(size))
          size += batch
          const head = openCheckpoint(checkpoint, signer.vkey)
          expect(head).toMatchObject({ origin: signer.name, size: BigInt(size) })
          expect(head.root).toEqual(rootOf(entries(0, size)))
        }
        for (const [path, bytes] of tilesOf(entries(0, size))) {
          expect(await store.read(path)).toEqual(bytes)
        }
      }),
      { numRuns: Math.ceil(RUNS.session / 4) },
    )
  }, 60_000)

  test('signs the empty tree, once', async () => {
    const store = new MemoryLogStore()
    const writer = await LogWriter.open(store, signer)
    const { checkpoint, size } = await writer.append([])
    expect(size).toBe(0n)
    expect(openCheckpoint(checkpoint, signer.vkey).root).toEqual(rootOf([]))
    expect((await writer.append([])).checkpoint).toBe(checkpoint)
    expect(await writer.append(entries(0, 3))).toMatchObject({ firstIndex: 0n, size: 3n })
    const reopened = await LogWriter.open(store, signer)
    expect(await reopened.append([])).toMatchObject({ firstIndex: 3n, size: 3n })
  })

  test('appends at once in the order of the calls', async () => {
    const writer = await LogWriter.open(new MemoryLogStore(), signer)
    const appended = await Promise.all(
      [0, 1, 2, 3].map(async (i) => writer.append(entries(i, i + 2))),
    )
    expect(appended.map(({ firstIndex }) => firstIndex)).toEqual([0n, 2n, 4n, 6n])
  })

  test('refuses entries that no bundle can hold, and goes on', async () => {
    const writer = await LogWriter.open(new MemoryLogStore(), signer)
    expect(await failure(writer.append([new Uint8Array(65_536)]))).toBe('HANSE_LOG_ENTRY')
    expect(await failure(writer.append(['text' as unknown as Uint8Array]))).toBe('HANSE_LOG_ENTRY')
    const many = Array.from({ length: BATCH_ENTRIES_MAX + 1 }, () => new Uint8Array(1))
    expect(await failure(writer.append(many))).toBe('HANSE_LOG_ENTRY')
    expect(await failure(writer.append([new Uint8Array(65_535), new Uint8Array(0)]))).toBe(
      'accepted',
    )
  })

  test.each(['before', 'after'] as const)(
    'reads again when a commit fails %s it happened',
    async (when) => {
      const store = new FailingStore()
      const writer = await LogWriter.open(store, signer)
      await writer.append(entries(0, 10))
      store.fail = when
      await expect(writer.append(entries(10, 20))).rejects.toThrow()
      const expected = when === 'before' ? 10n : 20n
      const { firstIndex } = await writer.append(entries(20, 300))
      expect(firstIndex).toBe(expected)
      const head = openCheckpoint((await store.readCheckpoint()) ?? '', signer.vkey)
      expect(await auditTiles(store.read, head)).toMatchObject({ ok: true })
    },
  )

  test('writes no more once the store was set back or replaced', async () => {
    for (const replaced of [0, 5, 10, 40]) {
      const store = new FailingStore()
      const writer = await LogWriter.open(store, signer)
      await writer.append(entries(0, 10))
      const backup = new MemoryLogStore()
      if (replaced > 0) {
        await (await LogWriter.open(backup, signer)).append(entries(1, 1 + replaced))
      }
      store.old = backup
      expect(await failure(writer.append(entries(10, 11)))).toBe('HANSE_LOG_FORK')
      expect(await failure(writer.append(entries(10, 11)))).toBe('HANSE_LOG_FORK')
    }
  })

  test('gives up after too many lost races', async () => {
    const inner = new MemoryLogStore()
    const store: LogStore = {
      readCheckpoint: async () => inner.readCheckpoint(),
      read: async (path) => inner.read(path),
      commit: async () => false,
    }
    const writer = await LogWriter.open(store, signer)
    expect(await failure(writer.append(entries(0, 1)))).toBe('HANSE_LOG_CONFLICT')
  })

  test('does not open a log of another key, or one whose tiles are wrong or gone', async () => {
    const store = new MemoryLogStore()
    await (await LogWriter.open(store, signer)).append(entries(0, 300))
    const stranger = noteSignerOf(signer.name, signerFrom(33))
    expect(await failure(LogWriter.open(store, stranger))).toBe('HANSE_LOG_UNSIGNED')
    const other = noteSignerOf('log.example/other', signerFrom(32))
    expect(await failure(LogWriter.open(store, other))).toBe('HANSE_LOG_UNSIGNED')
    const spoiled = (path: string, bytes: Uint8Array | undefined): LogStore => ({
      readCheckpoint: async () => store.readCheckpoint(),
      read: async (wanted) => (wanted === path ? bytes : store.read(wanted)),
      commit: async () => false,
    })
    for (const path of ['tile/0/001.p/44', 'tile/1/000.p/1', 'tile/entries/001.p/44']) {
      expect(await failure(LogWriter.open(spoiled(path, undefined), signer))).toBe(
        'HANSE_LOG_TILE_MISSING',
      )
      const bytes = Uint8Array.from((await store.read(path)) ?? [])
      bytes[5] = (bytes[5] ?? 0) ^ 1
      expect(await failure(LogWriter.open(spoiled(path, bytes), signer))).toBe('HANSE_LOG_TILE')
    }
  })
})
