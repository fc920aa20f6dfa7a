import { describe, expect, test } from 'vitest'
import merkle from '../../../test/vectors/merkle.json' with { type: 'json' }
import notes from '../../../test/vectors/notes.json' with { type: 'json' }
import tiles from '../../../test/vectors/tiles.json' with { type: 'json' }
import {
  auditTiles,
  cosignerOf,
  decodeEntryBundle,
  emptyRoot,
  encodeEntryBundle,
  formatCheckpoint,
  leafHash,
  nodeHash,
  noteSignerOf,
  openCheckpoint,
  openNote,
  parseCheckpoint,
  parseTilePath,
  parseVerifierKey,
  rootOfLeaves,
  tilePath,
  verifyConsistency,
  verifyInclusion,
} from '../log/index.ts'
import { codeOf, fromHex, signerFrom, toHex } from './fixtures.ts'

describe('the tree', () => {
  test('has these hashes and roots', () => {
    const leaves = merkle.entries.map((entry) => leafHash(fromHex(entry)))
    expect(leaves.map(toHex)).toEqual(merkle.leafHashes)
    expect(merkle.roots.map((_, size) => toHex(rootOfLeaves(leaves.slice(0, size))))).toEqual(
      merkle.roots,
    )
    expect(toHex(emptyRoot())).toBe(merkle.empty)
    const { left, right, hash } = merkle.node
    expect(toHex(nodeHash(fromHex(left), fromHex(right)))).toBe(hash)
  })

  test.each(merkle.inclusion)('entry $leafIndex of $treeSize: $why', (claim) => {
    const read = {
      leafIndex: BigInt(claim.leafIndex),
      treeSize: BigInt(claim.treeSize),
      leafHash: fromHex(claim.leafHash),
      proof: claim.proof.map(fromHex),
      root: fromHex(claim.root),
    }
    expect(verifyInclusion(read)).toBe(claim.valid)
  })

  test.each(merkle.consistency)('$size2 after $size1: $why', (claim) => {
    const read = {
      size1: BigInt(claim.size1),
      size2: BigInt(claim.size2),
      root1: fromHex(claim.root1),
      root2: fromHex(claim.root2),
      proof: claim.proof.map(fromHex),
    }
    expect(verifyConsistency(read)).toBe(claim.valid)
  })
})

describe('tiles', () => {
  test.each(tiles.paths)('$path', ({ level, index, width, path }) => {
    const name = { level: level as number | 'entries', index: BigInt(index), width }
    expect(tilePath(name.level, name.index, width)).toBe(path)
    expect(parseTilePath(path)).toEqual(name)
  })

  test.each(tiles.refused)('%j is no path', (path) => {
    expect(codeOf(() => parseTilePath(path))).toBe('HANSE_LOG_TILE_PATH')
  })

  test('of a log add up to its root', async () => {
    const { size, root, entries, tiles: served } = tiles.log
    const bytes = new Map(Object.entries(served).map(([path, hex]) => [path, fromHex(hex)]))
    const head = { size: BigInt(size), root: fromHex(root) }
    const audit = await auditTiles((path) => Promise.resolve(bytes.get(path)), head)
    expect(audit).toMatchObject({ ok: true, entriesChecked: head.size, tilesChecked: 3n })
    expect(audit.tilesChecked + 2n).toBe(BigInt(bytes.size))
    expect(toHex(encodeEntryBundle(entries.slice(256).map(fromHex)))).toBe(
      served['tile/entries/001.p/4'],
    )
  })

  test.each(tiles.refusedBundles)('a bundle: $why', ({ width, bytes }) => {
    expect(codeOf(() => decodeEntryBundle(fromHex(bytes), width))).toBe('HANSE_LOG_TILE')
  })
})

describe('notes', () => {
  test.each(notes.keys)('key of $name', ({ name, kind, seed, vkey }) => {
    expect(parseVerifierKey(vkey)).toMatchObject({ name, kind })
    const make = kind === 'ed25519' ? noteSignerOf : cosignerOf
    expect(make(name, signerFrom(seed)).vkey).toBe(vkey)
  })

  test.each(notes.refusedKeys)('$text is no key', ({ text, code }) => {
    expect(codeOf(() => parseVerifierKey(text))).toBe(code)
  })

  test.each(notes.notes)('$why', ({ note, keys, text, signatures, unverified }) => {
    const opened = openNote(note, keys)
    expect(opened.text).toBe(text)
    expect(opened.unverified.map(({ line }) => line)).toEqual(unverified)
    const counted = opened.signatures.map(({ name, keyId, timestamp }) => ({
      name,
      keyId,
      time: timestamp?.toString() ?? null,
    }))
    expect(counted).toEqual(signatures)
  })

  test.each(notes.refusedNotes)('a note: $why', ({ text, keys, code }) => {
    expect(codeOf(() => openNote(text, keys))).toBe(code)
  })

  test.each(notes.checkpoints)(
    'checkpoint of $origin at $size',
    ({ text, origin, size, root, extensions }) => {
      const checkpoint = { origin, size: BigInt(size), root: fromHex(root), extensions }
      expect(parseCheckpoint(text)).toEqual(checkpoint)
      expect(formatCheckpoint(checkpoint)).toBe(text)
    },
  )

  test.each(notes.refusedCheckpoints)('$text is no checkpoint', ({ text, code }) => {
    expect(codeOf(() => parseCheckpoint(text))).toBe(code)
  })

  test.each(notes.cosignatures)('a cosignature at $time', ({ key, text, time, line }) => {
    const name = key.split('+')[0] ?? ''
    const seed = notes.keys.find(({ vkey }) => vkey === key)?.seed ?? 0
    expect(cosignerOf(name, signerFrom(seed)).cosign(text, BigInt(time))).toBe(line)
  })

  test.each(notes.signedCheckpoints)('a checkpoint $why', ({ note, logKey, witnessKeys, code }) => {
    expect(codeOf(() => openCheckpoint(note, logKey, witnessKeys))).toBe(code ?? 'accepted')
  })
})
