import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asHanseError } from '../errors.ts'
import { codeOf, RUNS } from '../testing/fixtures.ts'
import { bytesEqual, utf8 } from '../wire.ts'
import { type AuditOptions, auditTiles } from './audit.ts'
import { decodeEntryBundle, ENTRY_BYTES_MAX, encodeEntryBundle } from './entry-bundle.ts'
import { leafHash } from './hash.ts'
import { tilesOf } from './testdata/tiles-of.ts'
import { parseTilePath, tilePath } from './tile-path.ts'
import { TileReader } from './tile-reader.ts'
import { proveConsistency, proveInclusion, rootOfLeaves } from './tree.ts'
import { verifyConsistency, verifyInclusion } from './verify.ts'

const ENTRIES = Array.from({ length: 70_000 }, (_, i) => utf8(`entry ${i}`))
const HASHES = ENTRIES.map(leafHash)

/** The code that the promise fails with. */
const failure = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'accepted',
    (error: unknown) => asHanseError(error).code,
  )

describe('a reader of tiles', () => {
  test('computes roots and proofs like a tree in memory', async () => {
    for (const size of [1, 2, 3, 255, 256, 257, 300, 511, 512, 513, 1000]) {
      const tiles = tilesOf(ENTRIES.slice(0, size))
      const reader = new TileReader(async (path) => tiles.get(path), BigInt(size))
      const hashes = HASHES.slice(0, size)
      const root = rootOfLeaves(hashes)
      expect(await reader.root()).toEqual(root)
      for (const at of [0, 1, size >> 1, size - 2, size - 1]) {
        if (at < 0 || at >= size) continue
        const index = BigInt(at)
        expect(await reader.inclusionProof(index)).toEqual(proveInclusion(hashes, index))
        expect(await reader.consistencyProof(index)).toEqual(proveConsistency(hashes, index))
        expect(await reader.root(index)).toEqual(rootOfLeaves(hashes.slice(0, at)))
        expect(await reader.entry(index)).toEqual(ENTRIES[at])
        expect(await reader.leafHash(index)).toEqual(HASHES[at])
      }
    }
  })

  test('proves entries of a tree of three levels, and reads no more than it needs', async () => {
    const tiles = tilesOf(ENTRIES)
    const size = BigInt(ENTRIES.length)
    const read: string[] = []
    const reader = new TileReader(async (path) => {
      read.push(path)
      return tiles.get(path)
    }, size)
    const root = await reader.root()
    expect(read.toSorted()).toEqual(['tile/0/273.p/112', 'tile/1/001.p/17', 'tile/2/000.p/1'])
    read.length = 0
    const proof = await reader.inclusionProof(66_000n)
    expect(read).toEqual(['tile/0/257'])
    const claim = { leafIndex: 66_000n, treeSize: size, leafHash: leafHash(utf8('entry 66000')) }
    expect(verifyInclusion({ ...claim, proof, root })).toBe(true)
    const old = await reader.root(300n)
    const consistency = await reader.consistencyProof(300n)
    const sizes = { size1: 300n, size2: size, root1: old, root2: root }
    expect(verifyConsistency({ ...sizes, proof: consistency })).toBe(true)
    expect(await auditTiles(async (path) => tiles.get(path), { size, root })).toEqual({
      ok: true,
      disagreements: [],
      entriesChecked: size,
      tilesChecked: 277n,
    })
  })

  test('takes the full tile where the partial one was dropped', async () => {
    const old = tilesOf(ENTRIES.slice(0, 200))
    const grown = tilesOf(ENTRIES.slice(0, 600))
    expect(grown.has('tile/0/000.p/200')).toBe(false)
    const reader = new TileReader(async (path) => grown.get(path), 200n)
    const kept = new TileReader(async (path) => old.get(path), 200n)
    expect(await reader.root()).toEqual(await kept.root())
    expect(await reader.entry(7n)).toEqual(ENTRIES[7])
  })

  test('says what is missing, malformed or out of range', async () => {
    const tiles = tilesOf(ENTRIES.slice(0, 300))
    const reader = new TileReader(async (path) => tiles.get(path), 300n)
    expect(await failure(reader.inclusionProof(300n))).toBe('HANSE_LOG_INDEX')
    expect(await failure(reader.inclusionProof(-1n))).toBe('HANSE_LOG_INDEX')
    expect(await failure(reader.inclusionProof(0n, 301n))).toBe('HANSE_LOG_INDEX')
    expect(await failure(reader.consistencyProof(5n, 4n))).toBe('HANSE_LOG_INDEX')
    expect(await failure(new TileReader(async () => undefined, 0n).inclusionProof(0n))).toBe(
      'HANSE_LOG_INDEX',
    )
    expect(codeOf(() => new TileReader(async () => undefined, 2n ** 64n))).toBe('HANSE_LOG_INDEX')
    const bundle = tiles.get('tile/entries/001.p/44') ?? new Uint8Array(0)
    tiles.set('tile/entries/001.p/44', bundle.subarray(1))
    expect(await failure(reader.entry(299n))).toBe('HANSE_LOG_TILE')
    tiles.set('tile/0/000', new Uint8Array(8191))
    expect(await failure(reader.inclusionProof(3n))).toBe('HANSE_LOG_TILE')
    tiles.delete('tile/0/000')
    expect(await failure(reader.inclusionProof(3n))).toBe('HANSE_LOG_TILE_MISSING')
    // A failure is not kept: the mirror may have the tile a moment later.
    tiles.set('tile/0/000', tilesOf(ENTRIES.slice(0, 256)).get('tile/0/000') ?? bundle)
    expect(await failure(reader.inclusionProof(3n))).toBe('accepted')
  })

  test('keeps a bounded number of tiles', async () => {
    const tiles = tilesOf(ENTRIES.slice(0, 5000))
    let reads = 0
    const fetch = async (path: string) => {
      reads++
      return tiles.get(path)
    }
    const reader = new TileReader(fetch, 5000n, { cacheTiles: 2 })
    for (let round = 0; round < 3; round++) {
      for (const index of [0n, 300n, 600n]) await reader.leafHash(index)
    }
    expect(reads).toBe(9)
  })
})

describe('an audit', () => {
  const size = 66_500n
  const whole = tilesOf(ENTRIES.slice(0, Number(size)))
  const root = rootOfLeaves(HASHES.slice(0, Number(size)))
  const audit = (change: (tiles: Map<string, Uint8Array>) => void, options?: AuditOptions) => {
    const tiles = new Map(whole)
    change(tiles)
    return auditTiles(async (path) => tiles.get(path), { size, root }, options)
  }
  const flip = (tiles: Map<string, Uint8Array>, path: string, at: number) => {
    const bytes = Uint8Array.from(tiles.get(path) ?? [])
    bytes[at] = (bytes[at] ?? 0) ^ 1
    tiles.set(path, bytes)
  }

  test('finds the path of whatever was changed or removed', async () => {
    const paths = [
      ['tile/0/000', 'tile/0/000'],
      ['tile/0/259.p/196', 'tile/0/259.p/196'],
      ['tile/1/000', 'tile/0/000'],
      ['tile/1/001.p/3', 'tile/0/256'],
      ['tile/2/000.p/1', 'tile/1/000'],
    ] as const
    for (const [changed, reported] of paths) {
      const { ok, disagreements } = await audit((tiles) => flip(tiles, changed, 5))
      expect(ok).toBe(false)
      expect(disagreements.map(({ path }) => path)).toContain(
        changed.endsWith('.p/196') ? 'checkpoint' : reported,
      )
      expect(new Set(disagreements.map(({ code }) => code))).toEqual(new Set(['HANSE_LOG_TILE']))
      const removed = await audit((tiles) => tiles.delete(changed))
      expect(removed.disagreements).toContainEqual(
        expect.objectContaining({ path: changed, code: 'HANSE_LOG_TILE_MISSING' }),
      )
    }
  }, 60_000)

  test('finds an entry that is not the logged one', async () => {
    const spoil = (tiles: Map<string, Uint8Array>) => flip(tiles, 'tile/entries/100', 700)
    const { disagreements } = await audit(spoil)
    expect(disagreements.map(({ path }) => path)).toEqual(['tile/entries/100'])
    expect((await audit(spoil, { entries: 'ignore' })).ok).toBe(true)
    expect((await audit(spoil, { entries: 'if-present' })).ok).toBe(false)
    const pruned = await audit((tiles) => tiles.delete('tile/entries/100'), {
      entries: 'if-present',
    })
    expect(pruned).toMatchObject({ ok: true, entriesChecked: size - 256n })
  })

  test('finds another root, and stops after the first disagreements', async () => {
    const fetch = async (path: string) => whole.get(path)
    const other = await auditTiles(fetch, { size, root: new Uint8Array(32) })
    expect(other.disagreements.map(({ path }) => path)).toEqual(['checkpoint'])
    const nothing = await auditTiles(async () => undefined, { size, root }, { disagreementsMax: 3 })
    expect(nothing.disagreements).toHaveLength(3)
    // A lying checkpoint does not keep an audit busy.
    const huge = await auditTiles(async () => undefined, { size: 2n ** 64n - 1n, root })
    expect(huge.disagreements).toHaveLength(16)
  })

  test('stops when it is told to', async () => {
    const signal = AbortSignal.abort()
    await expect(audit(() => {}, { signal })).rejects.toThrow()
  })
})

describe('paths', () => {
  test('are read back, and no other text is one', () => {
    const tile = fc.record({
      level: fc.oneof(fc.constant('entries' as const), fc.integer({ min: 0, max: 63 })),
      index: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      width: fc.integer({ min: 1, max: 256 }),
    })
    fc.assert(
      fc.property(tile, (name) => {
        expect(parseTilePath(tilePath(name.level, name.index, name.width))).toEqual(name)
      }),
      { numRuns: RUNS.cheap },
    )
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(codeOf(() => parseTilePath(text))).toBe('HANSE_LOG_TILE_PATH')
      }),
      { numRuns: RUNS.cheap },
    )
  })

  test.each([
    'tile/0/x000/001',
    'tile/00/001',
    'tile/0/1',
    'tile/0/0001',
    'tile/0/001.p/0',
    'tile/0/001.p/256',
    'tile/0/001.p/01',
    'tile/0/001.p/255/',
    '/tile/0/001',
    'tile/-1/001',
    'tile/data/001',
    'tile/0/x018/x446/x744/x073/x709/x551/616',
    'tile/0/x001/x001/x001/x001/x001/x001/x001/001',
    'tile/entries/001\n',
    'tile/٣/001',
  ])('%j is none', (path) => {
    expect(codeOf(() => parseTilePath(path))).toBe('HANSE_LOG_TILE_PATH')
  })

  test('are not made of bad coordinates', () => {
    const bad: readonly unknown[][] = [
      [0, -1],
      [0, 1.5],
      [0, 2 ** 60],
      [0, 2n ** 64n],
      [0, '1'],
      [0, undefined],
      [-1, 0],
      [0.5, 0],
      ['0', 0],
      ['data', 0],
      [undefined, 0],
      [0, 0, 257],
      [0, 0, -1],
      [0, 0, 1.5],
      [0, 0, '1'],
      [0, 0, Number.NaN],
      [0, 0, null],
    ]
    for (const arguments_ of bad) {
      expect(codeOf(() => tilePath(...(arguments_ as Parameters<typeof tilePath>)))).toBe(
        'HANSE_LOG_TILE_PATH',
      )
    }
  })
})

describe('bundles of entries', () => {
  test('are read back, whatever the entries', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 256 }), (entries) => {
        const bundle = encodeEntryBundle(entries)
        const back = decodeEntryBundle(bundle, entries.length)
        expect(back.every((entry, i) => bytesEqual(entry, entries[i] ?? bundle))).toBe(true)
        expect(codeOf(() => decodeEntryBundle(bundle, entries.length + 1))).toBe('HANSE_LOG_TILE')
        if (entries.length > 0) {
          expect(codeOf(() => decodeEntryBundle(bundle, entries.length - 1))).toBe('HANSE_LOG_TILE')
        }
      }),
      { numRuns: RUNS.signed },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(256), (bytes, width) => {
        const code = codeOf(() => decodeEntryBundle(bytes, width))
        expect(['accepted', 'HANSE_LOG_TILE']).toContain(code)
      }),
      { numRuns: RUNS.cheap },
    )
  })

  test('hold at most 256 entries of at most 65,535 bytes', () => {
    const longest = new Uint8Array(ENTRY_BYTES_MAX).fill(7)
    expect(decodeEntryBundle(encodeEntryBundle([longest]), 1)).toEqual([longest])
    expect(codeOf(() => encodeEntryBundle([new Uint8Array(ENTRY_BYTES_MAX + 1)]))).toBe(
      'HANSE_LOG_ENTRY',
    )
    const many = Array.from({ length: 257 }, () => new Uint8Array(1))
    expect(codeOf(() => encodeEntryBundle(many))).toBe('HANSE_LOG_ENTRY')
  })
})
