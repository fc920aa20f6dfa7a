import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'vitest'
import { digestOf, folderName } from './manifest.ts'
import { ModelStore, type StoredModel, storedModels } from './model-store.ts'
import { sha256 } from './testing/model-server.ts'
import { Sandbox, TINY } from './testing/sandbox.ts'

async function keep(store: ModelStore, name: string): Promise<StoredModel> {
  mkdirSync(store.folderOf(name), { recursive: true })
  writeFileSync(join(store.folderOf(name), 'm.gguf'), TINY)
  return await store.add({
    name,
    source: '/somewhere/m.gguf',
    revision: null,
    files: [{ name: 'm.gguf', sizeBytes: TINY.length, sha256: sha256(TINY) }],
    licence: 'mit',
    licenceLink: null,
    quantization: 'F16',
    architecture: 'llama',
    contextLength: 512,
    parameters: 1,
    pulledAt: 1,
  })
}

const flip = (path: string, at: number): void => {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

describe('verify', () => {
  test('finds one bit that has changed', async () => {
    using sandbox = new Sandbox()
    const store = new ModelStore(sandbox.folder)
    const { path } = await keep(store, 'a/b:f16')
    const heard: number[] = []
    await store.verify('a/b:f16', (done) => heard.push(done))
    assert.equal(heard.at(-1), TINY.length)
    flip(path, 2_345_678)
    await assert.rejects(store.verify('a/b:f16'), { code: 'HANSE_MODEL_DIGEST' })
    // Listing does not hash, and cannot see it.
    assert.equal((await storedModels(sandbox.folder)).length, 1)
  })

  test('tells a file that is cut off, missing or longer from one that has rotted', async () => {
    using sandbox = new Sandbox()
    const store = new ModelStore(sandbox.folder)
    const { path } = await keep(store, 'a')
    appendFileSync(path, 'x')
    await assert.rejects(store.verify('a'), { code: 'HANSE_MODEL_DIGEST' })
    truncateSync(path, 1000)
    await assert.rejects(store.verify('a'), { code: 'HANSE_MODEL_FILE', message: /cut off: 1000/u })
    rmSync(path)
    await assert.rejects(store.verify('a'), { code: 'HANSE_MODEL_FILE', message: /missing/u })
    await assert.rejects(store.verify('b'), { code: 'HANSE_MODEL_NOT_STORED' })
  })

  test('ends when it is told to', async () => {
    using sandbox = new Sandbox()
    const store = new ModelStore(sandbox.folder)
    await keep(store, 'a')
    await assert.rejects(store.verify('a', undefined, AbortSignal.abort()), { name: 'AbortError' })
  })
})

describe('a list', () => {
  test('of a folder that is not there is empty, and makes none', async () => {
    using sandbox = new Sandbox()
    const folder = sandbox.path('none')
    assert.deepEqual(await new ModelStore(folder).list(), {
      models: [],
      unfinished: [],
      problems: [],
    })
    assert.equal(existsSync(folder), false)
  })

  test('goes on past what is broken, and says what it is', async () => {
    using sandbox = new Sandbox()
    const store = new ModelStore(sandbox.folder)
    const cut = await keep(store, 'cut')
    truncateSync(cut.path, 10)
    const gone = await keep(store, 'gone')
    rmSync(gone.path)
    const garbage = await keep(store, 'garbage')
    writeFileSync(join(dirname(garbage.path), 'manifest.json'), '{"version":')
    const escapes = await keep(store, 'escapes')
    const manifest = join(dirname(escapes.path), 'manifest.json')
    writeFileSync(
      manifest,
      readFileSync(manifest, 'utf8').replace('"m.gguf"', '"../../etc/passwd"'),
    )
    const long = await keep(store, 'long')
    writeFileSync(join(dirname(long.path), 'manifest.json'), ' '.repeat(2 << 20))
    mkdirSync(sandbox.path('empty'))
    mkdirSync(sandbox.path('strange', 'manifest.json'), { recursive: true })
    writeFileSync(sandbox.path('a-file'), 'x')
    await keep(store, 'whole')
    const { models, problems } = await store.list()
    assert.deepEqual(
      models.map(({ name }) => name),
      ['whole'],
    )
    assert.deepEqual(problems.map(({ reason }) => reason).toSorted(), [
      'its manifest cannot be read',
      'its manifest cannot be read',
      'its manifest is too long',
      'its manifest is wrong at files.0.name',
      'm.gguf has 10 bytes instead of 3004256',
      'm.gguf is missing',
    ])
  })
})

test('a model is found whatever the case, and is gone after its removal', async () => {
  using sandbox = new Sandbox()
  const store = new ModelStore(sandbox.folder)
  await keep(store, 'Acme/Tiny:F16')
  assert.equal((await store.find('acme/tiny:f16'))?.name, 'Acme/Tiny:F16')
  assert.ok((await store.remove('acme/TINY:f16')) >= TINY.length)
  assert.equal(await store.find('Acme/Tiny:F16'), undefined)
  assert.deepEqual(readdirSync(sandbox.folder), [])
  await assert.rejects(store.remove('acme/tiny:f16'), { code: 'HANSE_MODEL_NOT_STORED' })
})

test('what is being worked on is not removed', async () => {
  using sandbox = new Sandbox()
  const store = new ModelStore(sandbox.folder)
  await keep(store, 'a')
  {
    using _lock = store.lock('a')
    await assert.rejects(store.remove('a'), { code: 'HANSE_MODEL_BUSY' })
  }
  await store.remove('a')
})

test('names that differ have folders that differ, and none leads out of the store', () => {
  const names = ['a/b', 'a-b', 'a--b', 'a:b', '../../etc', '..', 'x'.repeat(500), 'ä', 'ö', '/', '']
  const folders = names.map(folderName)
  assert.equal(new Set(folders).size, names.length)
  for (const folder of folders) assert.match(folder, /^[a-z0-9-][a-z0-9._-]{0,110}$/u)
})

test('the digest of a model in parts is what sha256sum says of the list of their digests', () => {
  const file = (name: string, byte: string) => ({ name, sizeBytes: 1, sha256: byte.repeat(64) })
  assert.equal(digestOf([file('m.gguf', 'a')]), `sha256:${'a'.repeat(64)}`)
  const list = `${'a'.repeat(64)}  1.gguf\n${'b'.repeat(64)}  2.gguf\n`
  assert.equal(
    digestOf([file('1.gguf', 'a'), file('2.gguf', 'b')]),
    `sha256:${sha256(Buffer.from(list))}`,
  )
})
