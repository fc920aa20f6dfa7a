import { describe, expect, test } from 'vitest'
import { auditTiles } from '../log/audit.ts'
import { openCheckpoint } from '../log/checkpoint.ts'
import { noteSignerOf } from '../log/note.ts'
import type { LogStore } from '../log/store.ts'
import { TileReader } from '../log/tile-reader.ts'
import { rootOf } from '../log/tree.ts'
import { LogWriter } from '../log/writer.ts'
import { utf8 } from '../wire.ts'
import { signerFrom } from './fixtures.ts'

/** A store under test. */
export interface OpenLogStore {
  readonly store: LogStore
  /** Another handle on the same log: a second process, or the first one after a restart. */
  reopen(): Promise<LogStore>
  close(): Promise<void>
}

const signer = noteSignerOf('log.example/contract', signerFrom(31))
const entry = (i: number): Uint8Array => utf8(`entry ${i}`)
const entries = (from: number, to: number): Uint8Array[] =>
  Array.from({ length: to - from }, (_, i) => entry(from + i))
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

/** The whole log is sound, and has these entries in this order. */
async function expectLog(store: LogStore, logged: readonly Uint8Array[]): Promise<void> {
  const note = await store.readCheckpoint()
  const head = openCheckpoint(note ?? '', signer.vkey)
  expect(head.size).toBe(BigInt(logged.length))
  expect(head.root).toEqual(rootOf(logged))
  const audit = await auditTiles((path) => store.read(path), head)
  expect(audit.disagreements).toEqual([])
  expect(audit.entriesChecked).toBe(head.size)
}

/**
 * What every store of a log keeps. Run it as `logStoreContract('sqlite', openSqlite)`; `open` gives an empty store each
 * time.
 */
export function logStoreContract(name: string, open: () => Promise<OpenLogStore>): void {
  const withStore = (title: string, run: (opened: OpenLogStore) => Promise<void>): void => {
    test(title, async () => {
      const opened = await open()
      try {
        await run(opened)
      } finally {
        await opened.close()
      }
    })
  }

  describe(`the log store ${name}`, () => {
    withStore('has nothing at first', async ({ store }) => {
      expect(await store.readCheckpoint()).toBeUndefined()
      expect(await store.read('tile/0/000')).toBeUndefined()
      expect(await store.read('tile/entries/000.p/1')).toBeUndefined()
    })

    withStore(
      'gives back what was committed, byte for byte, also after a restart',
      async (opened) => {
        const tiles = [
          ['tile/0/000.p/1', bytes(0, 255, 10, 13)],
          ['tile/63/x001/x234/067', bytes()],
          ['tile/entries/x001/000', new Uint8Array(100_000).fill(7)],
        ] as const
        const checkpoint = 'Straße\n1\n— line\n'
        const mutable = Uint8Array.from(tiles[0][1])
        expect(
          await opened.store.commit({
            expected: undefined,
            tiles: [[tiles[0][0], mutable], ...tiles.slice(1)],
            checkpoint,
          }),
        ).toBe(true)
        mutable.fill(1)
        for (const store of [opened.store, await opened.reopen()]) {
          expect(await store.readCheckpoint()).toBe(checkpoint)
          for (const [path, expected] of tiles) {
            const read = await store.read(path)
            expect(read).toBeInstanceOf(Uint8Array)
            expect(Uint8Array.from(read ?? [])).toEqual(Uint8Array.from(expected))
          }
          expect(await store.read('tile/0/000.p/2')).toBeUndefined()
          expect(await store.read('tile/0/000')).toBeUndefined()
        }
      },
    )

    withStore(
      'swaps only the checkpoint that it was told to, else changes nothing',
      async (opened) => {
        const { store } = opened
        const first = { expected: undefined, tiles: [], checkpoint: 'one\n' }
        expect(await store.commit({ ...first, expected: 'none\n' })).toBe(false)
        expect(await store.readCheckpoint()).toBeUndefined()
        expect(await store.commit(first)).toBe(true)
        const stale = [
          { expected: undefined, checkpoint: 'two\n' },
          { expected: 'on\n', checkpoint: 'two\n' },
          { expected: 'one', checkpoint: 'two\n' },
          { expected: undefined, checkpoint: 'one\n' },
        ]
        for (const commit of stale) {
          const tiles = [['tile/0/000.p/9', bytes(9)]] as const
          expect(await store.commit({ ...commit, tiles })).toBe(false)
          expect(await store.readCheckpoint()).toBe('one\n')
          expect(await store.read('tile/0/000.p/9')).toBeUndefined()
        }
        const again = await opened.reopen()
        expect(await again.commit({ expected: 'one\n', tiles: [], checkpoint: 'two\n' })).toBe(true)
        expect(await store.readCheckpoint()).toBe('two\n')
        expect(await store.commit({ expected: 'one\n', tiles: [], checkpoint: 'three\n' })).toBe(
          false,
        )
      },
    )

    withStore('lets one of many commits at once win', async (opened) => {
      const second = await opened.reopen()
      const race = Array.from({ length: 8 }, async (_, i) =>
        (i % 2 === 0 ? opened.store : second).commit({
          expected: undefined,
          tiles: [[`tile/0/000.p/${i + 1}`, bytes(i)]],
          checkpoint: `${i}\n`,
        }),
      )
      const won = (await Promise.all(race)).flatMap((isWon, i) => (isWon ? [i] : []))
      expect(won).toHaveLength(1)
      expect(await second.readCheckpoint()).toBe(`${won[0]}\n`)
      for (let i = 0; i < 8; i++) {
        const tile = await opened.store.read(`tile/0/000.p/${i + 1}`)
        expect(tile !== undefined).toBe(i === won[0])
      }
    })

    withStore('holds a log that grows, across tiles and restarts', async (opened) => {
      const sizes = [1, 2, 255, 256, 257, 300, 511, 512, 513, 1100]
      let size = 0
      for (const next of sizes) {
        const store = await opened.reopen()
        const writer = await LogWriter.open(store, signer)
        const appended = await writer.append(entries(size, next))
        expect(appended).toMatchObject({ firstIndex: BigInt(size), size: BigInt(next) })
        size = next
      }
      await expectLog(await opened.reopen(), entries(0, size))
      // A proof for an older checkpoint may need a partial tile; its full tile then stands in for it.
      const reader = new TileReader((path) => opened.store.read(path), 300n)
      expect(await reader.root()).toEqual(rootOf(entries(0, 300)))
    })

    withStore('holds one history when two writers race', async (opened) => {
      const writers = await Promise.all(
        [opened.store, await opened.reopen()].map(async (store) => LogWriter.open(store, signer)),
      )
      const appends: Promise<{ firstIndex: bigint; entries: readonly Uint8Array[] }>[] = []
      for (let round = 0; round < 12; round++) {
        for (const [i, writer] of writers.entries()) {
          const own = entries(1000 * (i + 1) + 30 * round, 1000 * (i + 1) + 30 * round + 30)
          appends.push(writer.append(own).then(({ firstIndex }) => ({ firstIndex, entries: own })))
        }
      }
      const done = (await Promise.all(appends)).toSorted((a, b) =>
        Number(a.firstIndex - b.firstIndex),
      )
      await expectLog(
        opened.store,
        done.flatMap((append) => append.entries),
      )
    })
  })
}
