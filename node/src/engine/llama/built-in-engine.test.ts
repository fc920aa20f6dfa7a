import assert from 'node:assert/strict'
import { copyFile, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HanseError } from '@hanse/protocol'
import { afterAll, afterEach, beforeAll, test } from 'vitest'
import { EngineError } from '../engine.ts'
import { BuiltInEngine, type BuiltInEngineOptions } from './built-in-engine.ts'
import { builtInModelPath } from './built-in-model.ts'
import type { ModelNotice } from './model-host.ts'
import { chatRequest, FRANCE, isAlive, openTiny, STORY, TINY, textOf, until } from './testing.ts'

const GIB = 2 ** 30
const path = builtInModelPath()

let folder: string
let opened: BuiltInEngine[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-built-in-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

afterEach(async () => {
  for (const engine of opened) await engine[Symbol.asyncDispose]()
  opened = []
})

async function open(more: Partial<BuiltInEngineOptions> = {}): Promise<BuiltInEngine> {
  const engine = await openTiny(more)
  opened.push(engine)
  return engine
}

/** What a consumer hears names nothing of the machine; its cause does. */
function unavailable(code: string, reason: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof EngineError && error.cause instanceof HanseError)
    assert.equal(error.code, 'HANSE_ENGINE_UNAVAILABLE')
    assert.equal(error.message, 'the model cannot be loaded now')
    assert.equal(error.cause.code, code)
    assert.match(error.cause.message, reason)
    return true
  }
}

const two = [
  { id: 'one', path },
  { id: 'two', path },
]

test('a model in a process of its own answers, counts and tells what it is', async () => {
  const engine = await open()
  assert.equal(await textOf(engine, chatRequest(FRANCE)), 'The capital of France is Paris.')
  assert.equal(await engine.countInputTokens(chatRequest(FRANCE)), 17)
  const [model] = await engine.models()
  assert.equal(
    model?.digest,
    'sha256:409183061a9432b28b3f3177b0c5cf536ca27ae4c58da487977dbd90194cdda2',
  )
  assert.equal(model.contextLength, 512)
  assert.deepEqual(await engine.health(), {
    ready: true,
    message: '1 loaded',
    models: [{ id: TINY, state: 'loaded' }],
  })
  const pid = engine.workerPid(TINY)
  assert.ok(pid !== undefined && pid !== process.pid && isAlive(pid))
  await engine[Symbol.asyncDispose]()
  assert.ok(!isAlive(pid))
})

test('faults of requests come through as they are', async () => {
  const engine = await open()
  await assert.rejects(textOf(engine, chatRequest('salt '.repeat(600))), {
    code: 'HANSE_ENGINE_CONTEXT_LENGTH',
    httpStatus: 400,
  })
  await assert.rejects(textOf(engine, chatRequest(FRANCE, { temperature: 3 })), {
    code: 'HANSE_ENGINE_REFUSED',
    engineMessage: 'temperature must be a number from 0 to 2',
  })
  await assert.rejects(textOf(engine, chatRequest(FRANCE, {}, { model: 'other' })), {
    code: 'HANSE_ENGINE_MODEL_UNKNOWN',
  })
  await assert.rejects(
    engine.countInputTokens({ ...chatRequest(FRANCE), body: new Uint8Array(3) }),
    { code: 'HANSE_ENGINE_REFUSED' },
  )
})

test('several models run at once, and one that is damaged does not take the others along', async () => {
  const damaged = join(folder, 'cut.gguf')
  await copyFile(path, damaged)
  await truncate(damaged, 2_000_000)
  const notices: ModelNotice[] = []
  const engine = await open({
    models: [...two, { id: 'cut', path: damaged }],
    onNotice: (notice) => notices.push(notice),
  })
  const answers = await Promise.all(
    ['one', 'two'].map(async (model) => await textOf(engine, chatRequest(FRANCE, {}, { model }))),
  )
  assert.deepEqual(answers, Array(2).fill('The capital of France is Paris.'))
  assert.deepEqual(
    (await engine.models()).map(({ id }) => id),
    ['one', 'two'],
  )
  const { ready, message, models } = await engine.health()
  assert.ok(ready)
  assert.match(message, /^2 loaded, 1 (?:failed|loading)/u)
  assert.notEqual(models[2]?.state, 'loaded')
  const notice = notices.find(({ what }) => what === 'failed')
  assert.equal(notice?.model, 'cut')
  assert.match(notice.message, /cut\.gguf: it is cut off: 2000000 bytes instead of 3004256/u)
})

test.each([
  ['no file', async () => {}, /does not exist/u],
  [
    'text',
    async (file: string) => await writeFile(file, 'no model'),
    /it is no GGUF file|it is cut off/u,
  ],
])('%s for the only model: the engine does not open, and says why', async (name, make, message) => {
  const file = join(folder, `${name.replace(' ', '-')}.gguf`)
  await make(file)
  await assert.rejects(openTiny({ models: [{ id: 'x', path: file }] }), {
    name: 'HanseError',
    code: 'HANSE_MODEL_FILE',
    message,
  })
})

test('a model that does not fit is refused before it is loaded', async () => {
  const memory = () => ({ bytes: 0.3 * GIB, withFileCache: true })
  await assert.rejects(openTiny({ memory }), {
    code: 'HANSE_MODEL_MEMORY',
    message: /^hanse-tiny-v1 needs 0\.4\d GiB of memory .* 0\.30 GiB are available\. Free memory/u,
  })
})

/** Room for one process of some 0.2 GiB and what is left alone, but not for two. */
async function openCramped(): Promise<BuiltInEngine> {
  let engine: BuiltInEngine | undefined
  const running = () => ['one', 'two'].filter((id) => engine?.workerPid(id) !== undefined).length
  const memory = () => ({ bytes: (0.8 - 0.2 * running()) * GIB, withFileCache: false })
  engine = BuiltInEngine.create({ models: two, slots: 1, memory })
  opened.push(engine)
  await engine.ready()
  return engine
}

test('a model that fits only without the others takes the place of the longest unused', async () => {
  const engine = await openCramped()
  const states = async () => (await engine.health()).models.map(({ state }) => state)
  assert.deepEqual(await states(), ['loaded', 'unloaded'])
  assert.equal((await engine.models()).length, 2)
  const ask = async (model: string) => await textOf(engine, chatRequest(FRANCE, {}, { model }))
  assert.match(await ask('two'), /Paris/u)
  assert.deepEqual(await states(), ['unloaded', 'loaded'])
  assert.match(await ask('one'), /Paris/u)
  assert.deepEqual(await states(), ['loaded', 'unloaded'])
})

test('a model that is answering does not leave for another one', async () => {
  const engine = await openCramped()
  const answer = engine.run(chatRequest(STORY, {}, { model: 'one' }), AbortSignal.timeout(20_000))
  await answer.next()
  await assert.rejects(
    textOf(engine, chatRequest(FRANCE, {}, { model: 'two' })),
    unavailable('HANSE_MODEL_MEMORY', /^two needs .* GiB of memory/u),
  )
  await answer.return(undefined)
})

test('an idle model leaves memory, and comes back with the next request', async () => {
  const notices: ModelNotice['what'][] = []
  const engine = await open({ idleUnloadMs: 200, onNotice: ({ what }) => notices.push(what) })
  const pid = engine.workerPid(TINY) ?? 0
  await until('it is unloaded', async () => (await engine.health()).models[0]?.state === 'unloaded')
  await until('its process is gone', () => !isAlive(pid))
  assert.ok((await engine.health()).ready)
  assert.equal(await textOf(engine, chatRequest(FRANCE)), 'The capital of France is Paris.')
  assert.deepEqual(notices, ['loaded', 'unloaded', 'loaded'])
})

test('a model in use does not leave memory', async () => {
  const engine = await open({ idleUnloadMs: 50 })
  const pid = engine.workerPid(TINY)
  const answer = engine.run(chatRequest(STORY), AbortSignal.timeout(20_000))
  await answer.next()
  await new Promise((resolve) => setTimeout(resolve, 300))
  assert.equal(engine.workerPid(TINY), pid)
  await answer.return(undefined)
})

test('without a load at start a model is known, and loaded by the first who asks; others wait', async () => {
  const engine = await open({ loadAtStart: false })
  assert.equal((await engine.models())[0]?.contextLength, 512)
  assert.equal((await engine.health()).models[0]?.state, 'unloaded')
  assert.equal(engine.workerPid(TINY), undefined)
  const asked = [FRANCE, FRANCE, FRANCE].map((text) => textOf(engine, chatRequest(text)))
  await assert.rejects(
    async () => {
      for await (const _ of engine.run(chatRequest(FRANCE), AbortSignal.timeout(20)));
    },
    { name: 'TimeoutError' },
  )
  for (const answer of await Promise.all(asked)) assert.match(answer, /Paris/u)
})

test('loading tells its progress, and may be broken off', async () => {
  const engine = BuiltInEngine.create({ models: [{ id: TINY, path }], slots: 1 })
  opened.push(engine)
  const [model] = (await engine.health()).models
  assert.equal(model?.state, 'loading')
  assert.ok((model.progress ?? -1) >= 0)
  assert.equal((await engine.health()).ready, false)
  await assert.rejects(engine.ready(AbortSignal.abort(new Error('no time'))), {
    message: 'no time',
  })
  await engine[Symbol.asyncDispose]()
  assert.equal(engine.workerPid(TINY), undefined)
})

test('a file that changes while it is unloaded is not offered as what it was', async () => {
  const file = join(folder, 'changing.gguf')
  await copyFile(path, file)
  const engine = await open({ models: [{ id: TINY, path: file }], loadAtStart: false })
  await writeFile(file, Buffer.concat([Buffer.from('GGUF'), Buffer.alloc(100)]))
  await assert.rejects(
    textOf(engine, chatRequest(FRANCE)),
    unavailable('HANSE_MODEL_FILE', /changing\.gguf has changed: restart/u),
  )
})

test('a digest that is known is believed, and one that is computed is remembered', async () => {
  const digestFolder = join(folder, 'digests')
  const known = 'ab'.repeat(32)
  const engine = await open({
    models: [{ id: 'known', path, digest: `sha256:${known}` }, two[0] ?? { id: '', path }],
    digestFolder,
  })
  assert.deepEqual(
    (await engine.models()).map(({ digest }) => digest?.slice(0, 13)),
    ['sha256:ababab', 'sha256:409183'],
  )
  assert.equal((await readdir(digestFolder)).length, 1)
})

test('closing ends what is running and leaves no process', async () => {
  const engine = await open()
  const pid = engine.workerPid(TINY) ?? 0
  const answer = engine.run(chatRequest(STORY), AbortSignal.timeout(20_000))
  await answer.next()
  const rest = assert.rejects(
    async () => {
      for await (const _ of answer);
    },
    { code: 'HANSE_ENGINE_UNAVAILABLE', message: 'the engine was closed' },
  )
  await engine[Symbol.asyncDispose]()
  await rest
  assert.ok(!isAlive(pid))
  await assert.rejects(textOf(engine, chatRequest(FRANCE)), { code: 'HANSE_ENGINE_UNAVAILABLE' })
})
