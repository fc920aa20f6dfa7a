import { expect, test } from 'vitest'
import { codeOf, signerFrom } from '../testing/fixtures.ts'
import { bytesEqual, utf8 } from '../wire.ts'
import { leafCommitment } from './leaf-commitment.ts'
import { MemoryLogStore } from './memory-log-store.ts'
import { noteSignerOf } from './note.ts'
import { formatProof, verifyProof } from './proof.ts'
import { openPersonal, sealPersonal } from './sealed.ts'
import { TileReader } from './tile-reader.ts'
import { LogWriter } from './writer.ts'

const salt = (byte: number) => new Uint8Array(32).fill(byte)
const key = Uint8Array.from({ length: 32 }, (_, i) => i + 1)
const nonce = Uint8Array.from({ length: 24 }, (_, i) => 100 + i)
const person = utf8('{"name":"Erika Mustermann"}')

test('a commitment hides its body behind the salt', () => {
  const commitments = [
    leafCommitment(salt(1), utf8('a')),
    leafCommitment(salt(2), utf8('a')),
    leafCommitment(salt(1), utf8('b')),
  ]
  expect(commitments.every(({ byteLength }) => byteLength === 32)).toBe(true)
  expect(new Set(commitments.map(String)).size).toBe(3)
  expect(() => leafCommitment(new Uint8Array(31), person)).toThrow(RangeError)
})

test('personal data opens with the key of its subject only, and unchanged', () => {
  const sealed = sealPersonal(key, nonce, person)
  expect(openPersonal(key, sealed)).toEqual(person)
  expect(openPersonal(key, sealPersonal(key, nonce, new Uint8Array(0)))).toEqual(new Uint8Array(0))
  for (let i = 0; i < sealed.byteLength; i++) {
    const changed = Uint8Array.from(sealed)
    changed[i] = (changed[i] ?? 0) ^ 1
    expect(codeOf(() => openPersonal(key, changed))).toBe('HANSE_LOG_SEALED')
  }
  for (const [other, bytes] of [
    [salt(9), sealed],
    [key.subarray(1), sealed],
    [key, sealed.subarray(1)],
    [key, sealed.subarray(0, 30)],
    [key, new Uint8Array(0)],
  ] as const) {
    expect(codeOf(() => openPersonal(other, bytes))).toBe('HANSE_LOG_SEALED')
  }
  expect(() => sealPersonal(key.subarray(1), nonce, person)).toThrow(RangeError)
  expect(() => sealPersonal(key, nonce.subarray(1), person)).toThrow(RangeError)
})

test('destroying a key erases the person, and the log still proves the event', async () => {
  const signer = noteSignerOf('log.example/erasure', signerFrom(81))
  const store = new MemoryLogStore()
  const writer = await LogWriter.open(store, signer)
  const keys = new Map([['org_1', Uint8Array.from(key)]])
  // The event's body holds the personal part sealed, and is what the leaf commits to.
  const body = sealPersonal(keys.get('org_1') ?? key, nonce, person)
  const leaf = leafCommitment(salt(3), body)
  const others = [4, 5, 6].map((byte) => leafCommitment(salt(byte), utf8(`event ${byte}`)))
  const { size, checkpoint } = await writer.append([...others, leaf])
  const index = size - 1n
  const reader = new TileReader(async (path) => store.read(path), size)
  const proof = formatProof({ index, hashes: await reader.inclusionProof(index), checkpoint })
  expect(openPersonal(keys.get('org_1') ?? key, body)).toEqual(person)

  keys.get('org_1')?.fill(0)
  expect(codeOf(() => openPersonal(keys.get('org_1') ?? key, body))).toBe('HANSE_LOG_SEALED')
  expect(bytesEqual(leafCommitment(salt(3), body), leaf)).toBe(true)
  expect(verifyProof(proof, leaf, { logKey: signer.vkey }).index).toBe(3n)
  // Later events and their proofs are none the worse for it.
  await writer.append([leafCommitment(salt(7), utf8('erasure of org_1'))])
  expect(verifyProof(proof, leaf, { logKey: signer.vkey }).index).toBe(3n)
})
