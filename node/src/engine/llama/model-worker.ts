import { HanseError } from '@hanse/protocol'
import { EngineError, type EngineEvent, type EngineModel, type EngineRequest } from '../engine.ts'
import { EventQueue } from './event-queue.ts'
import type { Inspection, ModelSpec } from './model-spec.ts'
import { type WorkerEnd, WorkerProcess } from './worker-process.ts'
import type { FromWorker, ToWorker } from './worker-protocol.ts'

export interface Heartbeat {
  /** Between questions whether the worker is alive, ms. */
  readonly everyMs: number
  /** Questions without an answer after which it is killed. Counted, not timed: the machine may have slept. */
  readonly unansweredMax: number
  /** Longest that llama.cpp may compute one batch of 512 tokens, ms. */
  readonly callMaxMs: number
  /** Longest without progress while a model is inspected or loaded, ms: reading a large one takes minutes. */
  readonly loadMaxMs: number
}

export const HEARTBEAT: Heartbeat = {
  everyMs: 5_000,
  unansweredMax: 3,
  callMaxMs: 300_000,
  loadMaxMs: 900_000,
}

/** More than any admission lets through; each holds its request in both processes. */
const CALLS_MAX = 1024

/** How long a worker may take to end what it runs; then it is killed. */
const CLOSE_MS = 3_000

interface Step {
  readonly resolve: (message: FromWorker) => void
  readonly reject: (error: HanseError) => void
}

/** A model in a process of its own. Whatever ends the process ends every call at once. */
export class ModelWorker {
  readonly #process: WorkerProcess
  readonly #heartbeat: Heartbeat
  readonly #runs = new Map<number, EventQueue<EngineEvent[]>>()
  readonly #counts = new Map<number, PromiseWithResolvers<number>>()
  readonly #timer: NodeJS.Timeout
  #step: Step | undefined
  #onProgress: (share: number) => void = () => {}
  #lastId = 0
  #end: WorkerEnd | undefined
  #unanswered = 0
  #heardAt = performance.now()

  constructor(heartbeat: Heartbeat) {
    this.#heartbeat = heartbeat
    this.#process = new WorkerProcess((message) => this.#on(message))
    this.#timer = setInterval(() => this.#beat(), heartbeat.everyMs)
    this.#timer.unref()
    void this.ended.then((end) => this.#onEnd(end))
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  get ended(): Promise<WorkerEnd> {
    return this.#process.ended
  }

  /** @throws {HanseError} */
  async inspect(spec: ModelSpec): Promise<Inspection> {
    const told = await this.#prepare({ type: 'inspect', spec })
    if (told.type === 'inspected') return told.inspection
    throw new HanseError('HANSE_INTERNAL', `unexpected ${told.type}`)
  }

  /** @throws {HanseError} */
  async load(contextLength: number, onProgress: (share: number) => void): Promise<EngineModel> {
    this.#onProgress = onProgress
    const told = await this.#prepare({ type: 'load', contextLength })
    if (told.type === 'loaded') return told.facts
    throw new HanseError('HANSE_INTERNAL', `unexpected ${told.type}`)
  }

  /** @throws {EngineError} */
  async countInputTokens(request: EngineRequest): Promise<number> {
    const id = this.#nextId()
    const counting = Promise.withResolvers<number>()
    this.#counts.set(id, counting)
    this.#process.send({ type: 'count', id, request })
    return await counting.promise
  }

  /** @throws {EngineError} also when the process ends; the signal's reason */
  async *run(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EngineEvent[]> {
    signal.throwIfAborted()
    const id = this.#nextId()
    const batches = new EventQueue<EngineEvent[]>()
    const onAbort = (): void => batches.fail(signal.reason)
    this.#runs.set(id, batches)
    signal.addEventListener('abort', onAbort, { once: true })
    this.#process.send({ type: 'run', id, request })
    try {
      for (let read = await batches.next(); read !== undefined; read = await batches.next()) {
        signal.throwIfAborted()
        yield read.flat()
        this.#process.send({ type: 'read', id, batches: read.length })
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      if (this.#runs.delete(id)) this.#process.send({ type: 'abort', id })
    }
  }

  /** Ends the process; resolves when it is gone, and all of its memory with it. */
  async close(): Promise<void> {
    this.#onEnd({ reason: 'it was closed' })
    this.#process.send({ type: 'close' })
    const impatient = setTimeout(() => this.#process.kill('it was closed'), CLOSE_MS)
    await this.ended
    clearTimeout(impatient)
  }

  #nextId(): number {
    if (this.#runs.size + this.#counts.size >= CALLS_MAX)
      throw new EngineError('HANSE_ENGINE_UNAVAILABLE', 'too many requests wait for this model')
    if (this.#end !== undefined) throw new EngineError('HANSE_ENGINE_FAILED', goneText(this.#end))
    this.#lastId += 1
    return this.#lastId
  }

  async #prepare(message: ToWorker): Promise<FromWorker> {
    if (this.#end !== undefined) throw new HanseError('HANSE_ENGINE_FAILED', goneText(this.#end))
    const step = Promise.withResolvers<FromWorker>()
    this.#step = step
    this.#heardAt = performance.now()
    this.#process.send(message)
    try {
      return await step.promise
    } finally {
      this.#step = undefined
    }
  }

  #on(message: FromWorker): void {
    this.#heardAt = performance.now()
    switch (message.type) {
      case 'inspected':
      case 'loaded':
        this.#step?.resolve(message)
        break
      case 'failed':
        this.#step?.reject(new HanseError(message.code, message.message))
        break
      case 'progress':
        this.#onProgress(message.share)
        break
      case 'events':
        this.#runs.get(message.id)?.push(message.events)
        break
      case 'done':
        this.#runs.get(message.id)?.close()
        this.#runs.delete(message.id)
        break
      case 'counted':
        this.#counts.get(message.id)?.resolve(message.tokens)
        this.#counts.delete(message.id)
        break
      case 'fault':
        this.#fail(message.id, faultOf(message))
        break
      case 'pong':
        this.#unanswered = 0
        if (message.callMs > this.#heartbeat.callMaxMs)
          this.#process.kill('it hung in llama.cpp and was killed')
    }
  }

  #fail(id: number, error: EngineError): void {
    this.#runs.get(id)?.fail(error)
    this.#runs.delete(id)
    this.#counts.get(id)?.reject(error)
    this.#counts.delete(id)
  }

  #beat(): void {
    // Loading keeps the process busy; only silence for long tells that it is stuck.
    if (this.#step !== undefined) {
      this.#unanswered = 0
      if (performance.now() - this.#heardAt > this.#heartbeat.loadMaxMs)
        this.#process.kill('it hung while loading and was killed')
      return
    }
    if (this.#unanswered >= this.#heartbeat.unansweredMax) {
      this.#process.kill('it hung and was killed')
      return
    }
    this.#unanswered += 1
    this.#process.send({ type: 'ping' })
  }

  #onEnd(end: WorkerEnd): void {
    clearInterval(this.#timer)
    this.#end ??= end
    const text = goneText(this.#end)
    this.#step?.reject(new HanseError('HANSE_ENGINE_FAILED', text))
    const error = new EngineError('HANSE_ENGINE_FAILED', text)
    for (const id of [...this.#runs.keys(), ...this.#counts.keys()]) this.#fail(id, error)
  }
}

function goneText({ reason }: WorkerEnd): string {
  return `the model's process is gone: ${reason}`
}

function faultOf(fault: Extract<FromWorker, { type: 'fault' }>): EngineError {
  const { code, message, httpStatus, engineMessage } = fault
  return new EngineError(code, message, {
    ...(httpStatus === undefined ? {} : { httpStatus }),
    ...(engineMessage === undefined ? {} : { engineMessage }),
  })
}
