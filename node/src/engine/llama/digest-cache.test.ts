import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'vitest'
import { rememberedDigestOf } from './digest-cache.ts'
import { stampOf } from './gguf-file.ts'

const OLD = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' // abc
const NEW = 'cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b34' // def

let folder: string
let file: string
const time = new Date(1_700_000_000_000)

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-digest-'))
  file = join(folder, 'model.gguf')
  await write('abc')
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

async function write(text: string, at = time): Promise<void> {
  await writeFile(file, text)
  await utimes(file, at, at)
}

const digest = async (cache: string | null) =>
  await rememberedDigestOf(file, await stampOf(file), cache)

test('a digest is remembered by path, size and time', async () => {
  const cache = join(folder, 'digests')
  assert.equal(await digest(cache), OLD)
  // Same size, same time: nobody looks into the file again.
  await write('def')
  assert.equal(await digest(cache), OLD)
  await write('def', new Date(1_800_000_000_000))
  assert.equal(await digest(cache), NEW)
  assert.equal((await readdir(cache)).length, 1)
})

test('without a folder, with one that cannot be, or with a damaged note, the file is hashed', async () => {
  assert.equal(await digest(null), OLD)
  assert.equal(await digest(join(file, 'no-folder')), OLD)
  const cache = join(folder, 'digests')
  await digest(cache)
  const [note = ''] = await readdir(cache)
  await writeFile(join(cache, note), '{"digest":"xyz"')
  assert.equal(await digest(cache), OLD)
})
