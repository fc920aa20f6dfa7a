import assert from 'node:assert/strict'
import { chmod, copyFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, test } from 'vitest'
import { builtInModelPath } from './built-in-model.ts'
import { readGguf } from './gguf-file.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-gguf-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

const fault = (message: RegExp) => ({ code: 'HANSE_MODEL_FILE', message })

test('the built-in model is whole', async () => {
  const info = await readGguf(builtInModelPath())
  assert.equal(info.tensorInfo?.length, 56)
})

test('a file that lacks its last byte is cut short', async () => {
  const file = join(folder, 'cut.gguf')
  await copyFile(builtInModelPath(), file)
  await truncate(file, 3_004_255)
  await assert.rejects(readGguf(file), fault(/cut off: 3004255 bytes instead of 3004256$/u))
})

test.each([30, 1_000, 40_000])('a file cut to %d bytes is a clear fault', async (size) => {
  const file = join(folder, `cut-${size}.gguf`)
  await copyFile(builtInModelPath(), file)
  await truncate(file, size)
  await assert.rejects(readGguf(file), fault(/cut off/u))
})

test.each([
  ['empty', Buffer.alloc(0), /cut off/u],
  ['a web page', Buffer.from('<!doctype html><title>404</title>'), /no GGUF file/u],
  ['of version 9', header(9, 1n, 1n), /version 9/u],
  ['of countless tensors', header(3, 2n ** 60n, 1n), /makes no sense/u],
  ['without weights', Buffer.concat([header(3, 0n, 0n), Buffer.alloc(8)]), /has no weights/u],
])('a file that is %s is a clear fault', async (name, bytes, message) => {
  const file = join(folder, `${name.replaceAll(' ', '-')}.gguf`)
  await writeFile(file, bytes)
  await assert.rejects(readGguf(file), fault(message))
})

test('a missing file, a folder and one that may not be read are told apart', async () => {
  await assert.rejects(readGguf(join(folder, 'none.gguf')), fault(/does not exist/u))
  await assert.rejects(readGguf(folder), fault(/is no file/u))
  // The superuser may read everything.
  if (process.getuid?.() === 0) return
  const file = join(folder, 'secret.gguf')
  await copyFile(builtInModelPath(), file)
  await chmod(file, 0)
  await assert.rejects(readGguf(file), fault(/may not be read/u))
})

function header(version: number, tensors: bigint, keys: bigint): Buffer {
  const bytes = Buffer.alloc(24)
  bytes.write('GGUF', 0, 'latin1')
  bytes.writeUInt32LE(version, 4)
  bytes.writeBigUInt64LE(tensors, 8)
  bytes.writeBigUInt64LE(keys, 16)
  return bytes
}
