import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { afterEach, beforeEach, test } from 'vitest'
import { loadOrCreateIdentity, peerIdOf, seedOf } from './identity-file.ts'

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-identity-'))
  path = join(folder, 'new', 'identity.key')
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

test('the first start makes an identity that only its owner may read, and later starts use it', async () => {
  const made = await loadOrCreateIdentity(path)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.deepEqual(await readdir(join(folder, 'new')), ['identity.key'])
  const loaded = await loadOrCreateIdentity(path)
  assert.equal(peerIdOf(loaded), peerIdOf(made))
})

test('two starts at once end with one identity', async () => {
  const keys = await Promise.all(
    Array.from({ length: 8 }, async () => await loadOrCreateIdentity(path)),
  )
  assert.equal(new Set(keys.map(peerIdOf)).size, 1)
  assert.deepEqual(await readdir(join(folder, 'new')), ['identity.key'])
})

test('the seed gives the same identity again', async () => {
  const key = await loadOrCreateIdentity(path)
  const seed = seedOf(key)
  assert.equal(seed.byteLength, 32)
  assert.equal(peerIdOf(await generateKeyPairFromSeed('Ed25519', seed)), peerIdOf(key))
})

test.each([0o644, 0o640, 0o602])('a file with mode %o is refused', async (mode) => {
  await loadOrCreateIdentity(path)
  await chmod(path, mode)
  await assert.rejects(loadOrCreateIdentity(path), { code: 'HANSE_IDENTITY_PERMISSIONS' })
})

test('bytes that are no Ed25519 key are refused and left alone', async () => {
  await loadOrCreateIdentity(path)
  const good = await readFile(path)
  for (const bytes of [
    new Uint8Array(0),
    good.subarray(0, 40),
    new Uint8Array(68).fill(7),
    new Uint8Array(5000),
  ]) {
    await writeFile(path, bytes)
    await assert.rejects(loadOrCreateIdentity(path), { code: 'HANSE_IDENTITY_CORRUPT' })
    assert.deepEqual(new Uint8Array(await readFile(path)), new Uint8Array(bytes))
  }
})
