import { writeFileSync } from 'node:fs'
import { HanseError } from '@hanse/protocol'
import { EngineError, type EngineRequest } from '../engine.ts'
import { LlamaEngine } from './llama-engine.ts'
import { type Inspected, inspectModel } from './llama-inspect.ts'
import type { ModelSpec } from './model-spec.ts'
import { type FromWorker, faultText, type ToWorker } from './worker-protocol.ts'
import { WorkerRun } from './worker-run.ts'

// The process of one model: whatever happens to llama.cpp happens here, and all of its memory goes with it.

/** When memory runs out, Linux is to kill this process rather than the daemon, which can start it again. */
const OOM_SCORE = '500'

/** llama.cpp tells its progress for every few weights. */
const PROGRESS_STEP = 0.01

let inspected: Inspected | undefined
let engine: LlamaEngine | undefined
const runs = new Map<number, WorkerRun>()

function send(message: FromWorker): void {
  // What cannot be sent any more has nobody to hear it: the process ends when the channel does.
  if (process.connected) process.send?.(message, undefined, {}, () => {})
}

function die(): void {
  // No farewell: native threads may be stuck, and an exit would wait for them.
  process.kill(process.pid, 'SIGKILL')
}

// Ctrl-C and systemd speak to the whole group. The daemon says when to stop: it may have answers to finish.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
process.on('disconnect', die)
try {
  if (process.platform === 'linux') writeFileSync('/proc/self/oom_score_adj', OOM_SCORE)
} catch {
  // A sandbox may forbid it.
}

// The channel's other end is the daemon itself, which started this process.
process.on('message', (message: ToWorker) => on(message))

function on(message: ToWorker): void {
  switch (message.type) {
    case 'inspect':
      prepare(async () => await inspect(message.spec))
      break
    case 'load':
      prepare(async () => await load(message.contextLength))
      break
    case 'run':
      answer(message.id, async () => await run(message.id, message.request))
      break
    case 'count':
      answer(message.id, async () => {
        const tokens = await loaded().countInputTokens(message.request)
        send({ type: 'counted', id: message.id, tokens })
      })
      break
    case 'read':
      runs.get(message.id)?.read(message.batches)
      break
    case 'abort':
      runs.get(message.id)?.abort()
      break
    case 'ping':
      send({ type: 'pong', callMs: engine?.callMs ?? 0 })
      break
    case 'close':
      void close()
  }
}

async function inspect(spec: ModelSpec): Promise<void> {
  inspected = await inspectModel(spec)
  const { facts, need, vramFreeBytes, digest } = inspected
  send({ type: 'inspected', inspection: { facts, need, vramFreeBytes, digest } })
}

async function load(contextLength: number): Promise<void> {
  if (inspected === undefined) throw new HanseError('HANSE_INTERNAL', 'load before inspect')
  let told = 0
  engine = await LlamaEngine.load(inspected, contextLength, (share) => {
    if (share < told + PROGRESS_STEP) return
    told = Math.min(1, share)
    send({ type: 'progress', share: told })
  })
  send({ type: 'loaded', facts: engine.facts })
}

async function run(id: number, request: EngineRequest): Promise<void> {
  const running = new WorkerRun(id, send)
  runs.set(id, running)
  await running.go(loaded(), request)
  send({ type: 'done', id })
}

function loaded(): LlamaEngine {
  if (engine === undefined)
    throw new EngineError('HANSE_ENGINE_UNAVAILABLE', 'the model is not loaded')
  return engine
}

function prepare(work: () => Promise<void>): void {
  work().catch((error: unknown) => {
    const fault =
      error instanceof HanseError
        ? error
        : new HanseError('HANSE_ENGINE_FAILED', `the engine cannot start: ${nameOf(error)}`)
    send({ type: 'failed', code: fault.code, message: faultText(fault.message) })
  })
}

function answer(id: number, work: () => Promise<void>): void {
  work()
    .catch((error: unknown) => {
      const fault =
        error instanceof EngineError
          ? error
          : new EngineError('HANSE_ENGINE_FAILED', `the engine broke: ${nameOf(error)}`)
      const { code, message, httpStatus, engineMessage } = fault
      send({
        type: 'fault',
        id,
        code,
        message: faultText(message),
        ...(httpStatus === undefined ? {} : { httpStatus }),
        ...(engineMessage === undefined ? {} : { engineMessage: faultText(engineMessage) }),
      })
    })
    .finally(() => runs.delete(id))
}

async function close(): Promise<void> {
  for (const run of runs.values()) run.abort()
  await engine?.[Symbol.asyncDispose]()
  die()
}

/** Messages of the library may quote a prompt; names never do. */
function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error
}
