import { describe, expect, test } from 'vitest'
import { sha256 } from '#crypto'
import { publicKeyOf, verifyEd25519 } from '../identity/ed25519.ts'
import { signerOf } from '../identity/keys.ts'
import { codeOf, fromHex, toHex } from '../testing/fixtures.ts'
import { concat, utf8 } from '../wire.ts'
import { fromBase64, toBase64 } from './base64.ts'
import { parseCheckpoint } from './checkpoint.ts'
import { emptyRoot, leafHash, nodeHash } from './hash.ts'
import { noteSignerOf, openNote, signNote } from './note.ts'
import vectors from './testdata/tlog-vectors.json' with { type: 'json' }
import { parseTilePath, tilePath } from './tile-path.ts'
import { nodeInTile, tileAt, tileRows } from './tile-shape.ts'
import { proveConsistency, proveInclusion, rootOf, rootOfLeaves } from './tree.ts'
import { formatVerifierKey, parseVerifierKey } from './verifier-key.ts'
import { verifyConsistency, verifyInclusion } from './verify.ts'

// Each section of the published vectors, with its source named in the file.

/** Base64 of the vectors, or what cannot be a hash. */
const bytes = (text: string): Uint8Array => fromBase64(text) ?? new Uint8Array(0)

describe('hashes', () => {
  test('of the empty tree, of leaves and of nodes', () => {
    const [empty, ...others] = vectors.hash_primitives.vectors
    expect(toHex(emptyRoot())).toBe(empty?.expect)
    for (const { leaf_utf8: leaf, left_utf8: left, right_utf8: right, expect: hash } of others) {
      const got =
        leaf === undefined ? nodeHash(utf8(left ?? ''), utf8(right ?? '')) : leafHash(utf8(leaf))
      expect(toHex(got)).toBe(hash)
    }
  })

  test('of the Certificate Transparency reference tree, with all its proofs', () => {
    const tree = vectors.ct_reference_tree
    const leaves = tree.leaves_hex.map(fromHex)
    const hashes = leaves.map(leafHash)
    const pairs = (of: readonly string[]) => of.map(fromHex)
    for (const [size, root] of tree.root_by_size_hex.entries()) {
      expect(toHex(rootOf(leaves.slice(0, size)))).toBe(root)
      const part = hashes.slice(0, size)
      for (let index = 0; index < size; index++) {
        const claim = {
          leafIndex: BigInt(index),
          treeSize: BigInt(size),
          leafHash: leafHash(leaves[index] ?? new Uint8Array(0)),
          proof: proveInclusion(part, BigInt(index)),
          root: fromHex(root),
        }
        expect(verifyInclusion(claim)).toBe(true)
        const size1 = index + 1
        const consistency = {
          size1: BigInt(size1),
          size2: BigInt(size),
          root1: fromHex(tree.root_by_size_hex[size1] ?? ''),
          root2: fromHex(root),
          proof: proveConsistency(part, BigInt(size1)),
        }
        expect(verifyConsistency(consistency)).toBe(true)
      }
    }
    for (const level of [tree.level1_hex, tree.level2_hex]) {
      expect(toHex(rootOfLeaves(pairs(level)))).toBe(tree.root_by_size_hex.at(-1))
    }
  })
})

describe('proofs', () => {
  test.each(vectors.inclusion_proofs.vectors)('$file', (vector) => {
    const claim = {
      leafIndex: BigInt(vector.leafIdx),
      treeSize: BigInt(vector.treeSize),
      leafHash: bytes(vector.leafHash),
      proof: (vector.proof ?? []).map(bytes),
      root: bytes(vector.root),
    }
    expect(verifyInclusion(claim)).toBe(!vector.wantErr)
  })

  test.each(vectors.consistency_proofs.vectors)('$file', (vector) => {
    const claim = {
      size1: BigInt(vector.size1),
      size2: BigInt(vector.size2),
      root1: bytes(vector.root1),
      root2: bytes(vector.root2),
      proof: (vector.proof ?? []).map(bytes),
    }
    expect(verifyConsistency(claim)).toBe(!vector.wantErr)
  })
})

describe('signed notes', () => {
  const { vectors: notes, vkeys_to_reject: badKeys } = vectors.signed_note
  const [signed, twice, example] = notes
  const peter = signed?.vkey ?? ''

  test('open with the keys that signed them', () => {
    expect(openNote(signed?.signed_note ?? '', [peter]).text).toBe(signed?.text)
    expect(openNote(signed?.signed_note ?? '', peter).text).toBe(signed?.text)
    expect(openNote(utf8(twice?.signed_note ?? ''), twice?.vkeys ?? []).signatures).toHaveLength(2)
    expect(openNote(example?.signed_note ?? '', example?.vkeys ?? []).signatures).toHaveLength(1)
  })

  test('are signed byte for byte as published', () => {
    const seed = fromHex(signed?.seed_hex ?? '')
    const signer = noteSignerOf('PeterNeumann', signerOf(seed))
    expect(signer.vkey).toBe(peter)
    expect(formatVerifierKey('PeterNeumann', 'ed25519', publicKeyOf(seed))).toBe(peter)
    expect(signNote(signed?.text ?? '', signer)).toBe(signed?.signed_note)
  })

  test('open with some of the keys, and not with none', () => {
    const note = twice?.signed_note ?? ''
    const opened = openNote(note, [peter])
    expect(opened.signatures.map(({ name }) => name)).toEqual(['PeterNeumann'])
    expect(opened.unverified.map(({ name }) => name)).toEqual(['EnochRoot'])
    expect(codeOf(() => openNote(note, []))).toBe('HANSE_LOG_UNSIGNED')
  })

  test('are refused when malformed', () => {
    for (const note of vectors.signed_note.notes_to_reject_as_malformed) {
      expect(codeOf(() => openNote(note, [peter]))).toBe('HANSE_LOG_NOTE')
      expect(codeOf(() => openNote(utf8(note), [peter]))).toBe('HANSE_LOG_NOTE')
    }
    const note = utf8(signed?.signed_note ?? '')
    const notUtf8 = concat([Uint8Array.of(0xff), note])
    expect(codeOf(() => openNote(notUtf8, [peter]))).toBe('HANSE_LOG_NOTE')
  })

  test('may have a hundred signature lines and no more', () => {
    const [text = '', line = ''] = (signed?.signed_note ?? '').split('\n\n')
    const withLines = (count: number) => `${text}\n\n${line.repeat(count)}`
    for (const count of [1, 16, 100]) {
      expect(openNote(withLines(count), peter).signatures).toHaveLength(1)
    }
    expect(codeOf(() => openNote(withLines(101), peter))).toBe('HANSE_LOG_NOTE')
    expect(codeOf(() => openNote(withLines(101), []))).toBe('HANSE_LOG_NOTE')
  })

  test('are refused whole when a known key did not sign', () => {
    const note = twice?.signed_note ?? ''
    const line = note.indexOf('x08g')
    const spoiled = `${note.slice(0, line + 20)}${note[line + 20] === 'A' ? 'B' : 'A'}${note.slice(line + 21)}`
    expect(codeOf(() => openNote(spoiled, twice?.vkeys ?? []))).toBe('HANSE_LOG_SIGNATURE')
    const longer = `${note.slice(0, line + 46)}ABCD${note.slice(line + 46)}`
    expect(codeOf(() => openNote(longer, [peter]))).toBe('HANSE_LOG_SIGNATURE')
    // Unknown to a reader who trusts the other signer alone.
    const [, enoch = ''] = twice?.vkeys ?? []
    expect(openNote(spoiled, [enoch]).signatures).toHaveLength(1)
  })

  test('leave lines aside that share only the name or only the id with a known key', () => {
    const [enochKey = ''] = (twice?.vkeys ?? []).slice(1)
    const note = twice?.signed_note ?? ''
    const otherId = note.replace('x08g', 'xxxx')
    expect(openNote(otherId, [peter, enochKey]).signatures.map(({ name }) => name)).toEqual([
      'EnochRoot',
    ])
    const otherName = note.replace('— PeterNeumann', '— CarmenSandiego')
    expect(openNote(otherName, [peter, enochKey]).signatures).toHaveLength(1)
  })

  test('take each signature once, and tell ambiguous keys when they are used', () => {
    const [enochKey = ''] = (twice?.vkeys ?? []).slice(1)
    const [text = '', lines = ''] = (twice?.signed_note ?? '').split('\n\n')
    const [byPeter = '', byEnoch = ''] = lines.trimEnd().split('\n')
    const at = byEnoch.length - 40
    const otherEnoch = `${byEnoch.slice(0, at)}ABCD${byEnoch.slice(at)}`
    const note = `${text}\n\n${[byPeter, byPeter, byEnoch, byEnoch, otherEnoch, ''].join('\n')}`
    const opened = openNote(note, [peter])
    expect(opened.signatures.map(({ line }) => line)).toEqual([byPeter])
    expect(opened.unverified.map(({ line }) => line)).toEqual([byEnoch, otherEnoch])
    const double = [enochKey, peter, enochKey]
    expect(codeOf(() => openNote(`${text}\n\n${byEnoch}\n`, double))).toBe('HANSE_LOG_KEY')
    expect(openNote(`${text}\n\n${byPeter}\n`, double).signatures).toHaveLength(1)
  })

  test('refuse keys that were tampered with anywhere', () => {
    for (const { vkey } of badKeys) {
      if (vkey !== undefined) expect(codeOf(() => parseVerifierKey(vkey))).toBe('HANSE_LOG_KEY')
    }
    for (let start = 0; start <= peter.length; start++) {
      for (let end = start + 1; end <= peter.length; end++) {
        if (end - start === peter.length) continue
        expect(codeOf(() => parseVerifierKey(peter.slice(start, end)))).toBe('HANSE_LOG_KEY')
      }
    }
    for (let i = 0; i < peter.length; i++) {
      const next = String.fromCharCode(peter.charCodeAt(i) + 1)
      const mangled = `${peter.slice(0, i)}${next}${peter.slice(i + 1)}`
      expect(codeOf(() => parseVerifierKey(mangled))).toBe('HANSE_LOG_KEY')
    }
    expect(parseVerifierKey(peter)).toMatchObject({ name: 'PeterNeumann', keyId: 'c74f20a3' })
  })
})

describe('checkpoints', () => {
  test('the text of the Go checksum database', () => {
    for (const vector of vectors.sumdb_tree_text.vectors) {
      expect(parseCheckpoint(vector.text)).toEqual({
        origin: vector.origin,
        size: BigInt(vector.size),
        root: leafHash(utf8(vector.record_utf8)),
        extensions: [],
      })
    }
  })

  test('cosigned by the witnesses of a Sunlight log', () => {
    const { origin, sha256_hex: hashed } = vectors.cosignature_v1.origin_hash
    expect(toHex(sha256(utf8(origin)))).toBe(hashed)
    for (const { vkey, checkpoint, timestamp } of vectors.cosignature_v1.vectors) {
      const opened = openNote(checkpoint, [vkey])
      expect(opened.signatures).toHaveLength(1)
      expect(opened.signatures[0]).toMatchObject({
        kind: 'cosignature',
        timestamp: BigInt(timestamp),
      })
      expect(parseCheckpoint(checkpoint)).toMatchObject({ origin, size: 300n })
      expect(parseCheckpoint(opened.text)).toEqual(parseCheckpoint(checkpoint))
      const spoiled = checkpoint.replace('\n300\n', '\n301\n')
      expect(codeOf(() => openNote(spoiled, [vkey]))).toBe('HANSE_LOG_SIGNATURE')
    }
  })
})

describe('tiles', () => {
  const { entries, tiles, reject, shape, node_to_tile: nodes } = vectors.tile_paths

  test('have the published paths, and are read from them', () => {
    for (const { seq, size, path } of entries) {
      const name = tileAt('entries', BigInt(seq) / 256n, BigInt(size))
      expect(name && tilePath(name.level, name.index, name.width)).toBe(path)
      expect(parseTilePath(path)).toEqual(name)
    }
    for (const { level, index, partial, path } of tiles) {
      expect(tilePath(level, index, partial)).toBe(path)
      expect(tilePath(level, BigInt(index), partial === 0 ? 256 : partial)).toBe(path)
      if (partial === 0) expect(tilePath(level, index)).toBe(path)
      const width = partial === 0 ? 256 : partial
      expect(parseTilePath(path)).toEqual({ level, index: BigInt(index), width })
    }
  })

  test('are refused under other paths', () => {
    for (const path of reject) {
      expect(codeOf(() => parseTilePath(`tile/0/${path}`))).toBe('HANSE_LOG_TILE_PATH')
    }
    expect(codeOf(() => parseTilePath('tile/64/000'))).toBe('HANSE_LOG_TILE_PATH')
    expect(codeOf(() => tilePath(64, 0n))).toBe('HANSE_LOG_TILE_PATH')
  })

  test('have the published shape', () => {
    const [large, small] = shape.map(({ size }) => tileRows(BigInt(size)))
    expect(large).toEqual([
      { level: 0, fullTiles: 273n, partialWidth: 112 },
      { level: 1, fullTiles: 1n, partialWidth: 17 },
      { level: 2, fullTiles: 0n, partialWidth: 1 },
    ])
    expect(small).toEqual([
      { level: 0, fullTiles: 1n, partialWidth: 0 },
      { level: 1, fullTiles: 0n, partialWidth: 1 },
    ])
  })

  test('hold the nodes of the tree where published', () => {
    for (const { level, index, ...place } of nodes) {
      expect(nodeInTile({ level, index: BigInt(index) })).toEqual({
        ...place,
        tileIndex: BigInt(place.tileIndex),
      })
    }
  })
})

test('the Ed25519 edge cases are judged by the strict rule', () => {
  for (const vector of vectors.ed25519_edge_cases.vectors) {
    const { pub_key_hex: key, message_hex: message, signature_hex: signature } = vector
    expect(verifyEd25519(fromHex(key), fromHex(message), fromHex(signature))).toBe(
      vector.strict_expect,
    )
  }
  for (const key of vectors.ed25519_edge_cases.low_order_encodings_hex) {
    const signature = concat([fromHex(key), new Uint8Array(32)])
    expect(verifyEd25519(fromHex(key), utf8('any'), signature)).toBe(false)
    expect(toBase64(fromHex(key))).toHaveLength(44)
  }
})
