import { describe, expect, test } from 'vitest'
import bundles from '../vectors/bundles.json' with { type: 'json' }
import merkle from '../vectors/merkle.json' with { type: 'json' }
import notes from '../vectors/notes.json' with { type: 'json' }
import statements from '../vectors/statements.json' with { type: 'json' }
import tiles from '../vectors/tiles.json' with { type: 'json' }
import { checkBundle } from './bundle.ts'
import { hex, unhex } from './bytes.ts'
import { read } from './cbor.ts'
import { linkOf } from './cid.ts'
import { changed, untagged } from './json.ts'
import * as tree from './merkle.ts'
import * as note from './notes.ts'
import { readRecord, writeRecord } from './records.ts'
import { checkFollows, type OpenStatement, openStatement, readLine } from './statements.ts'
import { codeOf, type SignedJson, signedOf } from './testing.ts'
import { isSameTiles, parseTilePath, readBundle, tilePath, tilesOf } from './tiles.ts'

describe('statements', () => {
  const open = (signed: SignedJson, lines: readonly string[]) =>
    openStatement(statements.network, signedOf(signed), lines.map(unhex))

  test('of one lane follow one another', () => {
    let before: OpenStatement | undefined
    for (const { lines, cid, fields, ...signed } of statements.statements) {
      const opened = open(
        signed,
        lines.map(({ bytes }) => bytes),
      )
      expect(opened.name.toString()).toBe(cid)
      expect(opened.fields.all).toEqual(untagged(fields))
      checkFollows(opened, before)
      const leaves = lines.map(({ bytes }) => tree.leafHash(unhex(bytes)))
      for (const [i, line] of lines.entries()) {
        expect(read(unhex(line.bytes))).toEqual(untagged(line.fields))
        expect(hex(leaves[i] ?? new Uint8Array())).toBe(line.leafHash)
        expect(tree.inclusionProof(leaves, i).map(hex)).toEqual(line.proof)
      }
      before = opened
    }
  })

  test.each(statements.refused)('$why', ({ lines, code, ...signed }) => {
    expect(codeOf(() => open(signed, lines))).toBe(code)
  })

  test.each(statements.broken)('$why', ({ before, after, code }) => {
    const last = before === null ? undefined : open(before, before.lines)
    expect(codeOf(() => checkFollows(open(after, after.lines), last))).toBe(code)
  })

  test.each(statements.lines.cases)('a line: $why', (one) => {
    expect(codeOf(() => readLine(changed(statements.lines.base, one)))).toBe(one.code ?? 'accepted')
  })
})

describe('bundles', () => {
  test.each(bundles.right)('$why', ({ bytes, cid, root, manifest, checks }) => {
    expect(linkOf(unhex(bytes)).toString()).toBe(cid)
    expect(linkOf(unhex(manifest.bytes)).toString()).toBe(root)
    expect(readRecord('hanse.bundle.v1', unhex(manifest.bytes)).fields.all).toEqual(
      untagged(manifest.fields),
    )
    expect(hex(writeRecord('hanse.bundle.v1', untagged(manifest.fields)))).toBe(manifest.bytes)
    expect(checkBundle(unhex(bytes), bundles.trust)).toEqual(checks.trusted)
    expect(checkBundle(unhex(bytes), {})).toEqual(checks.untrusted)
  })

  test.each(bundles.wrong)('$why', ({ bytes, failed }) => {
    const statuses = checkBundle(unhex(bytes), bundles.trust)
    expect(Object.entries(statuses).find(([, status]) => status === 'failed')?.[0]).toBe(failed)
  })
})

describe('the tree', () => {
  test('has these hashes, roots and proofs', () => {
    const leaves = merkle.entries.map((entry) => tree.leafHash(unhex(entry)))
    expect(leaves.map(hex)).toEqual(merkle.leafHashes)
    expect(merkle.roots.map((_, size) => hex(tree.rootOf(leaves.slice(0, size))))).toEqual(
      merkle.roots,
    )
    expect(hex(tree.rootOf([]))).toBe(merkle.empty)
    const { left, right, hash } = merkle.node
    expect(hex(tree.nodeHash(unhex(left), unhex(right)))).toBe(hash)
    for (const { why, leafIndex, treeSize, proof } of merkle.inclusion) {
      if (why !== 'right') continue
      const made = tree.inclusionProof(leaves.slice(0, Number(treeSize)), Number(leafIndex))
      expect(made.map(hex)).toEqual(proof)
    }
    for (const { why, size1, size2, proof } of merkle.consistency) {
      if (why !== 'right') continue
      const made = tree.consistencyProof(leaves.slice(0, Number(size2)), Number(size1))
      expect(made.map(hex)).toEqual(proof)
    }
  })

  test.each(merkle.inclusion)('entry $leafIndex of $treeSize: $why', (claim) => {
    const isIncluded = tree.isIncluded({
      index: BigInt(claim.leafIndex),
      size: BigInt(claim.treeSize),
      leaf: unhex(claim.leafHash),
      proof: claim.proof.map(unhex),
      root: unhex(claim.root),
    })
    expect(isIncluded).toBe(claim.valid)
  })

  test.each(merkle.consistency)('$size2 after $size1: $why', (claim) => {
    const isConsistent = tree.isConsistent({
      size1: BigInt(claim.size1),
      size2: BigInt(claim.size2),
      root1: unhex(claim.root1),
      root2: unhex(claim.root2),
      proof: claim.proof.map(unhex),
    })
    expect(isConsistent).toBe(claim.valid)
  })
})

describe('tiles', () => {
  test.each(tiles.paths)('$path', ({ level, index, width, path }) => {
    const name = { level: level as number | 'entries', index: BigInt(index), width }
    expect(tilePath(name)).toBe(path)
    expect(parseTilePath(path)).toEqual(name)
  })

  test.each(tiles.refused)('%j is no path', (path) => {
    expect(codeOf(() => parseTilePath(path))).toBe('HANSE_LOG_TILE_PATH')
  })

  test('of a log are these', () => {
    const entries = tiles.log.entries.map(unhex)
    const served = new Map(
      Object.entries(tiles.log.tiles).map(([path, bytes]) => [path, unhex(bytes)]),
    )
    expect(isSameTiles(tilesOf(entries), served)).toBe(true)
    expect(hex(tree.rootOf(entries.map(tree.leafHash)))).toBe(tiles.log.root)
    expect(readBundle(unhex(tiles.log.tiles['tile/entries/000']), 256)).toEqual(
      entries.slice(0, 256),
    )
  })

  test.each(tiles.refusedBundles)('a bundle: $why', ({ width, bytes }) => {
    expect(codeOf(() => readBundle(unhex(bytes), width))).toBe('HANSE_LOG_TILE')
  })
})

describe('notes', () => {
  test.each(notes.keys)('key of $name', ({ name, kind, seed, vkey }) => {
    const bytes = new Uint8Array(32).fill(seed)
    expect(note.formatKey(name, kind as 'ed25519' | 'cosignature', bytes)).toBe(vkey)
    expect(note.parseKey(vkey).name).toBe(name)
  })

  test.each(notes.refusedKeys)('$text is no key', ({ text, code }) => {
    expect(codeOf(() => note.parseKey(text))).toBe(code)
  })

  test.each(notes.notes)('$why', ({ note: whole, keys, text, signatures, unverified }) => {
    const opened = note.openNote(whole, keys)
    expect(opened.text).toBe(text)
    expect(opened.unverified).toEqual(unverified)
    const counted = opened.signatures.map(({ name, id, time }) => ({
      name,
      keyId: id,
      time: time?.toString() ?? null,
    }))
    expect(counted).toEqual(signatures)
  })

  test.each(notes.refusedNotes)('a note: $why', ({ text, keys, code }) => {
    expect(codeOf(() => note.openNote(text, keys))).toBe(code)
  })

  test.each(notes.checkpoints)(
    'checkpoint of $origin at $size',
    ({ text, origin, size, root, extensions }) => {
      const checkpoint = { origin, size: BigInt(size), root: unhex(root), extensions }
      expect(note.parseCheckpoint(text)).toEqual(checkpoint)
    },
  )

  test.each(notes.refusedCheckpoints)('$text is no checkpoint', ({ text, code }) => {
    expect(codeOf(() => note.parseCheckpoint(text))).toBe(code)
  })

  test.each(notes.cosignatures)('a cosignature at $time', ({ key, text, time, message, line }) => {
    const { name } = note.parseKey(key)
    const seed = notes.keys.find(({ vkey }) => vkey === key)?.seed ?? 0
    expect(note.cosignedMessage(text, BigInt(time))).toBe(message)
    expect(note.cosign(name, new Uint8Array(32).fill(seed), text, BigInt(time))).toBe(line)
  })

  test.each(notes.signedCheckpoints)(
    'a checkpoint $why',
    ({ note: whole, logKey, witnessKeys, code }) => {
      expect(codeOf(() => note.openCheckpoint(whole, logKey, witnessKeys))).toBe(code ?? 'accepted')
    },
  )
})
