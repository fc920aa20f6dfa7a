import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, test } from 'vitest'
import type { EngineEvent } from '../engine.ts'
import type { BuiltInEngine, BuiltInEngineOptions } from './built-in-engine.ts'
import { builtInModelPath } from './built-in-model.ts'
import { HEARTBEAT } from './model-worker.ts'
import { chatRequest, FRANCE, isAlive, openTiny, STORY, TINY, textOf, until } from './testing.ts'
import { BATCHES_AHEAD } from './worker-protocol.ts'

let opened: BuiltInEngine[] = []

afterEach(async () => {
  for (const engine of opened) await engine[Symbol.asyncDispose]()
  opened = []
})

async function open(more: Partial<BuiltInEngineOptions> = {}): Promise<BuiltInEngine> {
  const engine = await openTiny(more)
  opened.push(engine)
  return engine
}

const long = () => chatRequest(STORY, { temperature: 1, max_tokens: 400 })

/** Starts an answer, and resolves with how it goes on once its first words are there. */
async function begin(engine: BuiltInEngine) {
  const answer = engine.run(long(), AbortSignal.timeout(20_000))
  await answer.next()
  await answer.next()
  return async () => {
    for await (const _ of answer);
  }
}

test('kill -9 of the process ends sixteen answers at once, and it comes back', async () => {
  const engine = await open({ slots: 16, restart: { minMs: 200, maxMs: 1_000, healthyMs: 60_000 } })
  const answers = await Promise.all(Array.from({ length: 16 }, async () => await begin(engine)))
  const pid = engine.workerPid(TINY) ?? 0
  const ends = answers.map(async (rest) => {
    await assert.rejects(rest(), {
      code: 'HANSE_ENGINE_FAILED',
      message: "the model's process is gone: it was ended by SIGKILL",
    })
  })
  process.kill(pid, 'SIGKILL')
  await Promise.all(ends)
  await until(
    'the fault is known',
    async () => (await engine.health()).models[0]?.state !== 'loaded',
  )
  // A request in the meantime waits for the restart, which is near.
  assert.match(await textOf(engine, chatRequest(FRANCE)), /Paris/u)
  assert.notEqual(engine.workerPid(TINY), pid)
  assert.equal((await engine.health()).models[0]?.state, 'loaded')
})

test('while a restart is far away requests are refused at once, with the reason', async () => {
  const engine = await open({ restart: { minMs: 60_000, maxMs: 60_000, healthyMs: 60_000 } })
  process.kill(engine.workerPid(TINY) ?? 0, 'SIGSEGV')
  await until(
    'the fault is known',
    async () => (await engine.health()).models[0]?.state === 'failed',
  )
  await assert.rejects(textOf(engine, chatRequest(FRANCE)), {
    code: 'HANSE_ENGINE_UNAVAILABLE',
    message: 'the model cannot be loaded now',
  })
  const { ready, message } = await engine.health()
  assert.equal(ready, false)
  assert.match(message, /^1 failed; the process of hanse-tiny-v1 is gone: it was ended by SIGSEGV/u)
  assert.equal((await engine.models()).length, 1)
})

test('a process that stands still is noticed, killed and started again', async () => {
  const engine = await open({
    heartbeat: { ...HEARTBEAT, everyMs: 100, unansweredMax: 3 },
    restart: { minMs: 50, maxMs: 1_000, healthyMs: 60_000 },
  })
  const rest = await begin(engine)
  const pid = engine.workerPid(TINY) ?? 0
  process.kill(pid, 'SIGSTOP')
  await assert.rejects(rest(), {
    code: 'HANSE_ENGINE_FAILED',
    message: "the model's process is gone: it hung and was killed",
  })
  await until('it is gone', () => !isAlive(pid))
  assert.match(await textOf(engine, chatRequest(FRANCE)), /Paris/u)
})

test('a batch that takes longer than llama.cpp may is the end of the process', async () => {
  const engine = await open({
    slots: 1,
    heartbeat: { ...HEARTBEAT, everyMs: 5, unansweredMax: 1_000, callMaxMs: 0 },
    restart: { minMs: 60_000, maxMs: 60_000, healthyMs: 60_000 },
  })
  await assert.rejects(
    async () => {
      // Every batch takes some time; one is asked about within a few answers.
      for (let i = 0; i < 100; i++) await textOf(engine, long())
    },
    {
      code: 'HANSE_ENGINE_FAILED',
      message: "the model's process is gone: it hung in llama.cpp and was killed",
    },
  )
})

test('an answer can be given up while the process stands still', async () => {
  const engine = await open()
  const abort = new AbortController()
  const answer = engine.run(long(), abort.signal)
  await answer.next()
  const pid = engine.workerPid(TINY) ?? 0
  process.kill(pid, 'SIGSTOP')
  try {
    const rest = assert.rejects(
      async () => {
        for await (const _ of answer);
      },
      { message: 'given up' },
    )
    await delay(20)
    abort.abort(new Error('given up'))
    await rest
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  assert.match(await textOf(engine, chatRequest(FRANCE)), /Paris/u)
})

test('a signal to the whole group does not end the process: the daemon drains first', async () => {
  const engine = await open()
  const pid = engine.workerPid(TINY) ?? 0
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal)
  assert.match(await textOf(engine, chatRequest(FRANCE)), /Paris/u)
  assert.equal(engine.workerPid(TINY), pid)
})

test('a reader that stands still holds back its answer, and only its own', async () => {
  const engine = await open()
  const answer = engine.run(long(), AbortSignal.timeout(20_000))
  const first = await answer.next()
  const events: EngineEvent[] = [...(first.value ?? [])]
  // The other slot answers meanwhile, and so gives the slow one time to run ahead.
  for (let i = 0; i < 5; i++) assert.match(await textOf(engine, chatRequest(FRANCE)), /Paris/u)
  await delay(300)
  const second = await answer.next()
  const ahead: EngineEvent[] = second.value ?? []
  // What was on the way is at most the batches of the credit, each of what had gathered by then.
  assert.ok(ahead.length <= BATCHES_AHEAD * 3, `${ahead.length} events were ahead`)
  assert.ok(!ahead.some(({ type }) => type === 'end'))
  events.push(...ahead)
  for await (const batch of answer) events.push(...batch)
  assert.equal(events.at(-1)?.type, 'end')
})

test('kill -9 of the daemon leaves no process of a model', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hanse-daemon-'))
  const script = join(folder, 'daemon.ts')
  const module = new URL('./built-in-engine.ts', import.meta.url).href
  await writeFile(
    script,
    `import { BuiltInEngine } from ${JSON.stringify(module)}
    const models = [{ id: 'tiny', path: ${JSON.stringify(builtInModelPath())} }]
    const engine = await BuiltInEngine.open({ models, slots: 1 })
    process.send(engine.workerPid('tiny'))`,
  )
  const daemon = fork(script, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  try {
    const [pid] = (await once(daemon, 'message', { signal: AbortSignal.timeout(20_000) })) as [
      number,
    ]
    assert.ok(isAlive(pid))
    daemon.kill('SIGKILL')
    await until('the process of the model is gone', () => !isAlive(pid))
  } finally {
    daemon.kill('SIGKILL')
    await rm(folder, { recursive: true })
  }
})
