import assert from 'node:assert/strict'
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import {
  cosignerOf,
  joinNote,
  LogWriter,
  MemoryLogStore,
  noteSignerOf,
  provesFork,
  rootOf,
  signCheckpoint,
  verifyProof,
} from '@hanse/protocol'
import { signerFrom } from '@hanse/protocol/testing'
import { describe, test } from 'vitest'
import { directorySource } from './directory.ts'
import { exportLog } from './export-log.ts'
import { proveEntry } from './prove-entry.ts'
import { storeSource } from './sqlite-log-store.ts'
import {
  appendAll,
  entriesOf,
  entryOf,
  temporaryFolder,
  testSigner,
  writeLogFolder,
} from './testing/log-folder.ts'
import { type VerifyOptions, verifyLog } from './verify-log.ts'

const signer = testSigner()

async function verify(folder: string, options: Partial<VerifyOptions> = {}) {
  const { report } = await verifyLog(directorySource(folder), { vkey: signer.vkey, ...options })
  const failed = report.checks.filter(({ status }) => status === 'failed')
  return { ...report, failed, codes: [...new Set(failed.map(({ code }) => code))] }
}

describe('a log in a folder', () => {
  test.each([0, 1, 2, 255, 256, 257, 511, 512, 513, 1000, 65_536, 70_000])(
    'of %i entries verifies, with and without its entries, and proves each of them',
    async (size) => {
      using folder = temporaryFolder()
      await writeLogFolder(folder.path, size)
      const whole = await verify(folder.path)
      assert.deepEqual(whole.failed, [])
      assert.equal(whole.size, BigInt(size))
      const places = [0, 1, 254, 255, 256, 65_535, 65_536, size - 2, size - 1]
      for (const index of new Set(places.filter((i) => i >= 0 && i < size))) {
        const { proof } = await proveEntry(directorySource(folder.path), BigInt(index), signer.vkey)
        verifyProof(proof, entryOf(index), { logKey: signer.vkey })
      }
      rmSync(folder.at('tile/entries'), { recursive: true, force: true })
      const bare = await verify(folder.path)
      assert.equal(bare.verified, true)
      const entries = bare.checks.find(({ id }) => id === 'entries')
      assert.equal(entries?.status, size === 0 ? 'ok' : 'unproved')
    },
    60_000,
  )

  test('may have a key of any valid name, and signatures of keys that nobody knows', async () => {
    for (const name of [
      'x',
      '-dash',
      'a,b',
      'ünï/ço∂é',
      '#',
      '"\'`$(x)',
      '—',
      'log.example/a?b=c',
    ]) {
      using folder = temporaryFolder()
      const own = testSigner(name)
      const note = await writeLogFolder(folder.path, 300, { signer: own })
      const strangers = [1, 2, 3].map((i) => noteSignerOf(name, signerFrom(i)).sign('other\n'))
      writeFileSync(folder.at('checkpoint'), `${note}${strangers.join('\n')}\n`)
      assert.deepEqual((await verify(folder.path, { vkey: own.vkey })).failed, [])
    }
  })

  test('may have full tiles for partial ones, and tiles of older and newer trees', async () => {
    using folder = temporaryFolder()
    const store = new MemoryLogStore()
    const writer = await LogWriter.open(store, signer)
    const source = storeSource('memory', store)
    for (const size of [5, 200, 300]) {
      await writer.append(entriesOf(size === 5 ? 0 : size === 200 ? 5 : 200, size))
      await exportLog(source, signer.vkey, folder.path)
    }
    const old = readFileSync(folder.at('checkpoint'))
    assert.ok(existsSync(folder.at('tile/0/000.p/5')) && existsSync(folder.at('tile/0/000.p/200')))
    await writer.append(entriesOf(300, 600))
    await exportLog(source, signer.vkey, folder.path)
    assert.deepEqual((await verify(folder.path)).failed, [])
    // The checkpoint of 300 entries, whose own partial tiles are gone.
    writeFileSync(folder.at('checkpoint'), old)
    for (const path of ['tile/0/001.p', 'tile/entries/001.p', 'tile/1/000.p/1']) {
      rmSync(folder.at(path), { recursive: true, force: true })
    }
    writeFileSync(
      folder.at('tile/1/000.p/1'),
      readFileSync(folder.at('tile/1/000.p/2')).subarray(0, 32),
    )
    writeFileSync(folder.at('tile/README'), 'not a tile')
    assert.deepEqual((await verify(folder.path)).failed, [])
    // An old partial tile that says something else would be served for the old checkpoint.
    writeFileSync(folder.at('tile/0/000.p/5'), Buffer.alloc(160, 1))
    assert.deepEqual((await verify(folder.path)).codes, ['HANSE_LOG_TILE'])
  })

  const damages: readonly [string, (at: (name: string) => string) => void, string][] = [
    ['a bit of a full tile', (at) => flip(at('tile/0/001'), 4000), 'HANSE_LOG_TILE'],
    ['a bit of a partial tile', (at) => flip(at('tile/0/002.p/88'), 0), 'HANSE_LOG_TILE'],
    ['a bit of an upper tile', (at) => flip(at('tile/1/000.p/2'), 40), 'HANSE_LOG_TILE'],
    ['a bit of an entry', (at) => flip(at('tile/entries/001'), 5), 'HANSE_LOG_TILE'],
    ['the length of an entry', (at) => flip(at('tile/entries/000'), 1), 'HANSE_LOG_TILE'],
    ['a tile cut short', (at) => truncateSync(at('tile/0/000'), 8160), 'HANSE_LOG_TILE'],
    ['a tile cut within a hash', (at) => truncateSync(at('tile/0/000'), 8191), 'HANSE_LOG_TILE'],
    ['an empty tile', (at) => truncateSync(at('tile/0/000'), 0), 'HANSE_LOG_TILE'],
    ['a tile with more behind it', (at) => appendFileSync(at('tile/0/000'), 'x'), 'HANSE_LOG_TILE'],
    [
      'a bundle with more behind it',
      (at) => appendFileSync(at('tile/entries/000'), 'x'),
      'HANSE_LOG_TILE',
    ],
    ['a missing full tile', (at) => rmSync(at('tile/0/001')), 'HANSE_LOG_TILE_MISSING'],
    ['a missing partial tile', (at) => rmSync(at('tile/0/002.p/88')), 'HANSE_LOG_TILE_MISSING'],
    ['a missing upper tile', (at) => rmSync(at('tile/1/000.p/2')), 'HANSE_LOG_TILE_MISSING'],
    ['one missing bundle', (at) => rmSync(at('tile/entries/000')), 'HANSE_LOG_TILE_MISSING'],
    ['no tiles', (at) => rmSync(at('tile'), { recursive: true }), 'HANSE_LOG_TILE_MISSING'],
    ['no checkpoint', (at) => rmSync(at('checkpoint')), 'HANSE_LOG_TILE_MISSING'],
    ['an empty checkpoint', (at) => truncateSync(at('checkpoint'), 0), 'HANSE_LOG_NOTE'],
    ['a huge checkpoint', (at) => truncateSync(at('checkpoint'), 1 << 27), 'HANSE_LOG_TILE'],
    ['a bit of the text', (at) => flip(at('checkpoint'), 17), 'HANSE_LOG_SIGNATURE'],
    ['two tiles swapped', (at) => swap(at('tile/0/000'), at('tile/0/001')), 'HANSE_LOG_TILE'],
  ]
  test.each(damages)('with %s does not verify', async (_what, damage, code) => {
    using folder = temporaryFolder()
    await writeLogFolder(folder.path, 600)
    damage(folder.at)
    assert.deepEqual((await verify(folder.path)).codes, [code])
  })

  test('with a folder in the place of a tile, or of the checkpoint, does not verify', async () => {
    for (const path of ['tile/0/000.p/9', 'checkpoint']) {
      using folder = temporaryFolder()
      await writeLogFolder(folder.path, 9)
      rmSync(folder.at(path))
      mkdirSync(folder.at(path))
      assert.deepEqual((await verify(folder.path)).codes, ['HANSE_LOG_TILE'])
    }
  })

  test('with another root, size, key or origin does not verify', async () => {
    using folder = temporaryFolder()
    await writeLogFolder(folder.path, 300)
    const root = rootOf(entriesOf(0, 300))
    const heads: readonly [string, string][] = [
      [signCheckpoint(signer, { size: 300n, root: rootOf(entriesOf(1, 301)) }), 'HANSE_LOG_TILE'],
      [signCheckpoint(signer, { size: 299n, root }), 'HANSE_LOG_TILE_MISSING'],
      [signCheckpoint(signer, { size: 2n ** 64n - 1n, root }), 'HANSE_LOG_TILE_MISSING'],
      [
        signCheckpoint(testSigner('log.example/test', 42), { size: 300n, root }),
        'HANSE_LOG_UNSIGNED',
      ],
      [signCheckpoint(testSigner('log.example/other'), { size: 300n, root }), 'HANSE_LOG_UNSIGNED'],
      ['log.example/test\n300\n\n', 'HANSE_LOG_NOTE'],
    ]
    for (const [note, code] of heads) {
      writeFileSync(folder.at('checkpoint'), note)
      assert.deepEqual((await verify(folder.path)).codes, [code])
    }
  })

  test('counts the witnesses that cosigned', async () => {
    using folder = temporaryFolder()
    const note = await writeLogFolder(folder.path, 9)
    const witnesses = [51, 52, 53].map((seed) => cosignerOf(`witness/${seed}`, signerFrom(seed)))
    const text = note.slice(0, note.indexOf('\n\n') + 1)
    const log = note.slice(note.indexOf('\n\n') + 2).trimEnd()
    const lines = witnesses.slice(0, 2).map((witness) => witness.cosign(text, 1_800_000_000n))
    writeFileSync(folder.at('checkpoint'), joinNote(text, [log, ...lines]))
    const witnessKeys = witnesses.map(({ vkey }) => vkey)
    assert.deepEqual((await verify(folder.path, { witnessKeys })).codes, ['HANSE_LOG_QUORUM'])
    assert.deepEqual((await verify(folder.path, { witnessKeys, quorum: 2 })).failed, [])
    const late = lines[0] ?? ''
    writeFileSync(
      folder.at('checkpoint'),
      joinNote(text, [log, late.replace(/.{8}$/u, 'AAAAAAAA')]),
    )
    assert.deepEqual((await verify(folder.path, { witnessKeys })).codes, ['HANSE_LOG_SIGNATURE'])
  })
})

describe('checkpoints that were seen', () => {
  const seenAs = (note: string) => ({ name: 'a friend’s copy', note, ifSmaller: 'failed' as const })

  test('are continued by an honest log, whatever their size', async () => {
    using folder = temporaryFolder()
    const store = new MemoryLogStore()
    const writer = await LogWriter.open(store, signer)
    const seen: string[] = [(await writer.append([])).checkpoint]
    for (const [from, to] of [
      [0, 1],
      [1, 255],
      [255, 256],
      [256, 700],
    ] as const) {
      seen.push((await writer.append(entriesOf(from, to))).checkpoint)
    }
    await exportLog(storeSource('memory', store), signer.vkey, folder.path)
    const report = await verify(folder.path, { seen: seen.map(seenAs) })
    assert.deepEqual(report.failed, [])
    assert.equal(report.checks.filter(({ id }) => id === 'consistency').length, seen.length)
  })

  test('of the same size and another root are a fork, which anybody can check', async () => {
    using folder = temporaryFolder()
    await writeLogFolder(folder.at('a'), 40)
    const other = await writeLogFolder(folder.at('b'), 40, { history: 'other' })
    const report = await verify(folder.at('a'), { seen: [seenAs(other)] })
    assert.deepEqual(report.codes, ['HANSE_LOG_FORK'])
    assert.equal(report.forks.length, 1)
    for (const fork of report.forks) assert.ok(provesFork(fork, signer.vkey))
  })

  test('of a smaller tree with another beginning are a fork', async () => {
    using folder = temporaryFolder()
    await writeLogFolder(folder.at('a'), 400)
    const other = await writeLogFolder(folder.at('b'), 100, { history: 'other' })
    const report = await verify(folder.at('a'), { seen: [seenAs(other)] })
    assert.deepEqual(report.codes, ['HANSE_LOG_FORK'])
  })

  test('of a larger tree show that this one went back', async () => {
    using folder = temporaryFolder()
    const larger = await writeLogFolder(folder.at('b'), 400)
    await writeLogFolder(folder.at('a'), 100)
    const [seen] = [seenAs(larger)]
    assert.deepEqual((await verify(folder.at('a'), { seen: [seen] })).codes, ['HANSE_LOG_ROLLBACK'])
    const elsewhere = { ...seen, ifSmaller: 'unproved' as const }
    assert.deepEqual((await verify(folder.at('a'), { seen: [elsewhere] })).failed, [])
    // The new tiles are there already, and only the checkpoint is old.
    cpSync(folder.at('b/tile'), folder.at('a/tile'), { recursive: true })
    assert.deepEqual((await verify(folder.at('a'), { seen: [seen] })).failed, [])
  })

  test('of another log, or of nobody, say so', async () => {
    using folder = temporaryFolder()
    await writeLogFolder(folder.at('a'), 4)
    const stranger = await writeLogFolder(folder.at('b'), 4, { signer: testSigner('x', 9) })
    for (const note of [stranger, '', 'x']) {
      assert.equal((await verify(folder.at('a'), { seen: [seenAs(note)] })).verified, false)
    }
  })
})

describe('a proof', () => {
  test('is not given when tiles, entries or checkpoint do not agree', async () => {
    const cases: readonly [string, (at: (name: string) => string) => void, string][] = [
      ['7', (at) => flip(at('tile/0/000'), 7 * 32), 'HANSE_LOG_PROOF'],
      ['7', (at) => flip(at('tile/entries/000'), 7 * 9 + 4), 'HANSE_LOG_PROOF'],
      ['7', (at) => rmSync(at('tile/0/001.p/44')), 'HANSE_LOG_TILE_MISSING'],
      ['300', () => {}, 'HANSE_LOG_INDEX'],
      ['18446744073709551615', () => {}, 'HANSE_LOG_INDEX'],
      ['7', (at) => copyFileSync(at('tile/0/000'), at('checkpoint')), 'HANSE_LOG_CHECKPOINT'],
    ]
    for (const [index, damage, code] of cases) {
      using folder = temporaryFolder()
      await writeLogFolder(folder.path, 300)
      damage(folder.at)
      await assert.rejects(proveEntry(directorySource(folder.path), BigInt(index)), { code })
    }
  })

  test('is given without a key, and without the entries', async () => {
    using folder = temporaryFolder()
    await writeLogFolder(folder.path, 300)
    rmSync(folder.at('tile/entries'), { recursive: true })
    const { proof } = await proveEntry(directorySource(folder.path), 299n)
    verifyProof(proof, entryOf(299), { logKey: signer.vkey })
    assert.throws(() => verifyProof(proof, entryOf(298), { logKey: signer.vkey }))
  })
})

describe('an export', () => {
  test('goes on where it stopped, and refuses a folder of another or a longer log', async () => {
    using folder = temporaryFolder()
    const store = new MemoryLogStore()
    await appendAll(await LogWriter.open(store, signer), entriesOf(0, 300))
    const source = storeSource('memory', store)
    const first = await exportLog(source, signer.vkey, folder.path)
    assert.equal((await exportLog(source, signer.vkey, folder.path)).written, 0)
    assert.ok(first.written > 4)
    await writeLogFolder(folder.at('longer'), 301)
    await assert.rejects(exportLog(source, signer.vkey, folder.at('longer')), {
      code: 'HANSE_LOG_ROLLBACK',
    })
    await writeLogFolder(folder.at('other'), 3, { signer: testSigner('other') })
    await assert.rejects(exportLog(source, signer.vkey, folder.at('other')), {
      code: 'HANSE_LOG_ORIGIN',
    })
  })
})

function flip(file: string, at: number): void {
  const bytes = readFileSync(file)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(file, bytes)
}

function swap(a: string, b: string): void {
  const [first, second] = [readFileSync(a), readFileSync(b)]
  writeFileSync(a, second)
  writeFileSync(b, first)
}
