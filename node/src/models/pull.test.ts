import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { HuggingFace } from './hugging-face.ts'
import { ModelStore, storedModels } from './model-store.ts'
import { type PlanChoices, type PullOptions, planPull, pullModel } from './pull.ts'
import { parseReference } from './reference.ts'
import { ModelServer, sha256 } from './testing/model-server.ts'
import { quick, Sandbox, TINY, TINY_PATH } from './testing/sandbox.ts'

const REPO = 'acme/Tiny-GGUF'
const TOKEN = 'hf_secretsecret'
const OTHER = Buffer.from(TINY.map((byte, i) => (i > 2_000_000 ? byte ^ 1 : byte)))

class Scene {
  readonly server: ModelServer
  readonly sandbox: Sandbox
  readonly store: ModelStore
  readonly waits: number[] = []
  token: string | undefined

  constructor(server: ModelServer, sandbox: Sandbox) {
    this.server = server
    this.sandbox = sandbox
    this.store = new ModelStore(sandbox.path('models'))
  }

  hub(): HuggingFace {
    return new HuggingFace(this.server.url, this.token, quick(this.waits))
  }

  async plan(reference: string, choices: PlanChoices = {}) {
    return await planPull(parseReference(reference, this.server.url), choices, this.hub())
  }

  async pull(reference: string, choices: PlanChoices = {}, options: Partial<PullOptions> = {}) {
    const plan = await this.plan(reference, choices)
    return await pullModel(plan, this.store, {
      ...quick(this.waits),
      hub: this.hub(),
      now: () => 1_700_000_000_000,
      ...options,
    })
  }
}

async function scene(run: (it: Scene) => Promise<void>): Promise<void> {
  await using server = await ModelServer.start()
  using sandbox = new Sandbox()
  await run(new Scene(server, sandbox))
}

describe('from a hub', () => {
  test('a model is stored with its digest, its licence and what its header says', async () =>
    await scene(async (it) => {
      it.server.repo(REPO, {
        'tiny-Q8_0.gguf': OTHER,
        'tiny-Q4_K_M.gguf': TINY,
        'README.md': OTHER,
      })
      const model = await it.pull(REPO)
      const { path, source, ...facts } = model
      assert.equal(source, `${it.server.url}/${REPO}/resolve/${model.revision}/tiny-Q4_K_M.gguf`)
      assert.deepEqual(facts, {
        version: 1,
        name: `${REPO}:Q4_K_M`,
        revision: 'c0ffee'.padEnd(40, '0'),
        files: [{ name: 'tiny-Q4_K_M.gguf', sizeBytes: TINY.length, sha256: sha256(TINY) }],
        licence: 'apache-2.0',
        licenceLink: `${it.server.url}/${REPO}`,
        quantization: 'F16',
        architecture: 'llama',
        contextLength: 512,
        parameters: 1_476_224,
        pulledAt: 1_700_000_000_000,
        sizeBytes: TINY.length,
        digest: `sha256:${sha256(TINY)}`,
      })
      assert.deepEqual(readFileSync(path), TINY)
      assert.deepEqual(await storedModels(it.store.folder), [
        {
          name: `${REPO}:Q4_K_M`,
          path,
          digest: `sha256:${sha256(TINY)}`,
          sizeBytes: TINY.length,
          quantization: 'F16',
          contextLength: 512,
          licence: 'apache-2.0',
        },
      ])
      // Nothing of the work is left beside the model.
      assert.deepEqual(readdirSync(it.store.folderOf(model.name)).toSorted(), [
        '.lock',
        'manifest.json',
        'tiny-Q4_K_M.gguf',
      ])
    }))

  test('the second time nothing is fetched', async () =>
    await scene(async (it) => {
      it.server.repo(REPO, { 'tiny-Q4_K_M.gguf': TINY })
      const first = await it.pull(REPO)
      assert.deepEqual(await it.pull(REPO), first)
      assert.equal(it.server.downloads.length, 1)
      // Nor when it was stopped between file and manifest.
      writeFileSync(join(it.store.folderOf(first.name), 'manifest.json'), '')
      assert.deepEqual(await it.pull(REPO), first)
      assert.equal(it.server.downloads.length, 1)
    }))

  test('new weights of the same name take the place of the old ones', async () =>
    await scene(async (it) => {
      const { files } = it.server.repo(REPO, { 'tiny-Q4_K_M.gguf': TINY })
      await it.pull(REPO)
      files.set('tiny-Q4_K_M.gguf', OTHER)
      const model = await it.pull(REPO)
      assert.equal(model.digest, `sha256:${sha256(OTHER)}`)
      await it.store.verify(model.name)
    }))

  test('a model in parts is stored whole, with one digest for all', async () =>
    await scene(async (it) => {
      it.server.repo(REPO, {
        'Q8_0/t-Q8_0-00002-of-00002.gguf': OTHER,
        'Q8_0/t-Q8_0-00001-of-00002.gguf': TINY,
      })
      const model = await it.pull(`${REPO}:q8_0`)
      const lines = [
        `${sha256(TINY)}  t-Q8_0-00001-of-00002.gguf\n`,
        `${sha256(OTHER)}  t-Q8_0-00002-of-00002.gguf\n`,
      ]
      assert.equal(model.digest, `sha256:${sha256(Buffer.from(lines.join('')))}`)
      assert.match(model.path, /t-Q8_0-00001-of-00002\.gguf$/u)
      assert.equal(model.sizeBytes, 2 * TINY.length)
      // The first part is enough to name them all.
      const again = await it.plan(`${REPO}/Q8_0/t-Q8_0-00001-of-00002.gguf`)
      assert.equal(again.files.length, 2)
    }))

  test('a listing in pages is read to its end', async () =>
    await scene(async (it) => {
      const names = Array.from({ length: 7 }, (_, i) => `a${i}-Q2_K.gguf`)
      it.server.repo(REPO, {
        ...Object.fromEntries(names.map((name) => [name, TINY])),
        'z-Q4_K_M.gguf': TINY,
      })
      it.server.pageSize = 3
      assert.equal((await it.plan(REPO)).files[0]?.name, 'z-Q4_K_M.gguf')
    }))

  test('bytes that are not those of the listing are refused', async () =>
    await scene(async (it) => {
      const { digests } = it.server.repo(REPO, { 'tiny-Q4_K_M.gguf': TINY })
      digests.set('tiny-Q4_K_M.gguf', sha256(OTHER))
      await assert.rejects(it.pull(REPO), { code: 'HANSE_MODEL_DIGEST' })
      assert.equal(await it.store.find(`${REPO}:Q4_K_M`), undefined)
    }))

  test('a digest that its user knows is checked before a byte is fetched', async () =>
    await scene(async (it) => {
      it.server.repo(REPO, { 'tiny-Q4_K_M.gguf': TINY })
      await assert.rejects(it.pull(REPO, { sha256: sha256(OTHER) }), { code: 'HANSE_MODEL_DIGEST' })
      assert.equal(it.server.downloads.length, 0)
    }))

  test('a busy hub is asked again, one that has no such model is not', async () =>
    await scene(async (it) => {
      it.server.repo(REPO, { 'tiny-Q4_K_M.gguf': TINY })
      it.server.apiFaults.push({ status: 429, headers: { 'retry-after': '3' } }, { status: 500 })
      await it.plan(REPO)
      assert.deepEqual(it.waits, [3_000, 1_000])
      await assert.rejects(it.plan('acme/none'), { code: 'HANSE_MODEL_DOWNLOAD' })
      assert.equal(it.waits.length, 2)
    }))
})

describe('a token', () => {
  test('opens a gated model, and without one the error says what to do', async () =>
    await scene(async (it) => {
      Object.assign(it.server.repo(REPO, { 'tiny-Q4_K_M.gguf': TINY }), { gated: 'manual' })
      it.server.token = TOKEN
      await assert.rejects(it.pull(REPO), { code: 'HANSE_MODEL_GATED' })
      it.token = 'hf_wrong'
      await assert.rejects(it.pull(REPO), {
        code: 'HANSE_MODEL_GATED',
        message: /licence accepted/u,
      })
      it.token = TOKEN
      await it.pull(REPO)
    }))

  test('goes to its hub only, never to where the hub sends us', async () =>
    await scene(async (it) => {
      await using cdn = await ModelServer.start()
      it.server.cdn = cdn
      it.server.repo(REPO, { 'tiny-Q4_K_M.gguf': TINY })
      it.token = TOKEN
      cdn.faults.push({ dropAfter: 1_000_000 })
      await it.pull(REPO)
      assert.ok(it.server.seen.every(({ authorization }) => authorization === `Bearer ${TOKEN}`))
      assert.equal(cdn.seen.length, 2)
      assert.ok(cdn.seen.every(({ authorization }) => authorization === undefined))
      assert.equal(cdn.seen[1]?.range, 'bytes=1000000-')
    }))

  test('is not sent with a plain URL of another host', async () =>
    await scene(async (it) => {
      await using other = await ModelServer.start()
      other.files.set('/x/tiny.gguf', TINY)
      it.token = TOKEN
      await it.pull(`${other.url}/x/tiny.gguf`)
      assert.deepEqual(
        other.seen.map(({ authorization }) => authorization),
        [undefined],
      )
    }))

  test('is not sent in the clear', () => {
    assert.throws(() => new HuggingFace('http://mirror.example', TOKEN), {
      code: 'HANSE_CONFIG_INVALID',
    })
  })
})

test('a redirect that leaves http, or never ends, is not followed', async () =>
  await scene(async (it) => {
    it.server.repo(REPO, { 'tiny-Q4_K_M.gguf': TINY })
    it.server.redirectTo = 'file:///etc/passwd'
    await assert.rejects(it.pull(REPO), { message: /file:, which is not followed/u })
    it.server.redirectTo = `${it.server.url}/${REPO}/resolve/main/tiny-Q4_K_M.gguf`
    await assert.rejects(it.pull(REPO), { message: /circles/u })
  }))

describe('from a URL or a file', () => {
  test('the name is that of the file, the licence that of its header', async () =>
    await scene(async (it) => {
      it.server.files.set('/dl/tiny.gguf', TINY)
      const model = await it.pull(`${it.server.url}/dl/tiny.gguf?signature=secret`)
      assert.equal(model.name, 'tiny')
      assert.equal(model.source, `${it.server.url}/dl/tiny.gguf`)
      assert.equal(model.licence, 'Apache-2.0')
    }))

  test('a file is copied in, under the name that is wished', async () =>
    await scene(async (it) => {
      const model = await it.pull(TINY_PATH, { name: 'my/tiny:f16' })
      assert.equal(model.name, 'my/tiny:f16')
      assert.deepEqual(readFileSync(model.path), TINY)
      await assert.rejects(it.pull(TINY_PATH, { sha256: sha256(OTHER) }), {
        code: 'HANSE_MODEL_DIGEST',
      })
    }))

  test('what is no model, or half a one, is not stored', async () =>
    await scene(async (it) => {
      for (const [name, content] of [
        ['text.gguf', Buffer.from('<!doctype html>')],
        ['half.gguf', TINY.subarray(0, 1_500_000)],
        ['head.gguf', TINY.subarray(0, 5_000)],
      ] as const) {
        const path = it.sandbox.path(name)
        writeFileSync(path, content)
        await assert.rejects(it.pull(path), { code: 'HANSE_MODEL_FILE' })
        it.server.files.set(`/${name}`, content)
        await assert.rejects(it.pull(`${it.server.url}/${name}`), { code: 'HANSE_MODEL_FILE' })
      }
      assert.deepEqual((await it.store.list()).models, [])
      mkdirSync(it.sandbox.path('folder.gguf'))
      await assert.rejects(it.pull(it.sandbox.path('folder.gguf')), { code: 'HANSE_MODEL_FILE' })
      await assert.rejects(it.pull(it.sandbox.path('none.gguf')), { code: 'HANSE_MODEL_FILE' })
    }))
})

test('of two pulls of one model at once, one works and the other says so', async () =>
  await scene(async (it) => {
    it.server.repo(REPO, { 'tiny-Q4_K_M.gguf': TINY })
    const results = await Promise.allSettled([it.pull(REPO), it.pull(REPO)])
    const refused = results.filter((result) => result.status === 'rejected')
    assert.deepEqual(
      refused.map(({ reason }) => (reason as { code?: string }).code),
      ['HANSE_MODEL_BUSY'],
    )
    await it.store.verify(`${REPO}:Q4_K_M`)
    assert.equal(it.server.downloads.length, 1)
  }))

test('a disk without room is noticed before the first byte', async () =>
  await scene(async (it) => {
    it.server.repo(REPO, { 'tiny-Q4_K_M.gguf': TINY })
    const plan = await it.plan(REPO)
    const huge = plan.files.map((file) => ({ ...file, sizeBytes: 2 ** 60 }))
    await assert.rejects(
      pullModel({ ...plan, files: huge, sizeBytes: 2 ** 60 }, it.store, {
        ...quick(),
        hub: it.hub(),
        now: Date.now,
      }),
      { code: 'HANSE_DISK_FULL', message: /free, and 1152921504\.61 GB are needed/u },
    )
    assert.equal(it.server.downloads.length, 0)
    // Nothing of it is left behind.
    assert.deepEqual(readdirSync(it.store.folder), [])
  }))

test('a pull that stopped is listed by its name, and can be removed', async () =>
  await scene(async (it) => {
    it.server.repo(REPO, { 'tiny-Q4_K_M.gguf': TINY })
    it.server.faults.push({ dropAfter: 1_000_000 })
    await assert.rejects(it.pull(REPO, {}, { triesMax: 1 }), { code: 'HANSE_MODEL_DOWNLOAD' })
    const { unfinished } = await it.store.list()
    assert.deepEqual(
      unfinished.map(({ name, doneBytes, totalBytes }) => [name, doneBytes, totalBytes]),
      [[`${REPO}:Q4_K_M`, 1_000_000, TINY.length]],
    )
    await it.store.remove(`${REPO}:Q4_K_M`)
    assert.deepEqual(readdirSync(it.store.folder), [])
  }))
