import { setTimeout as delay } from 'node:timers/promises'
import { asHanseError, HanseError } from '@hanse/protocol'
import {
  EngineError,
  type EngineEvent,
  type EngineModel,
  type EngineRequest,
  type ModelHealth,
} from '../engine.ts'
import { abortable } from './abortable.ts'
import { type FileStamp, modelFileError, stampOf } from './gguf-file.ts'
import type { MemoryPlan } from './memory-plan.ts'
import type { Inspection, ModelSpec } from './model-spec.ts'
import { type Heartbeat, ModelWorker } from './model-worker.ts'
import { RestartBackoff, type RestartPace } from './restart-backoff.ts'
import type { WorkerEnd } from './worker-process.ts'

export interface ModelHostOptions {
  /** Without a request for that long the model leaves memory, ms; 0 keeps it. */
  readonly idleUnloadMs: number
  readonly heartbeat: Heartbeat
  readonly restart: RestartPace
  readonly random: () => number
  readonly onNotice: (notice: ModelNotice) => void
}

/** What happened to a model, for the owner's log. */
export interface ModelNotice {
  readonly model: string
  readonly what: 'loaded' | 'unloaded' | 'failed'
  readonly message: string
}

/** Lets models load one after the other, each into memory that it fits in. */
export interface MemoryDoor {
  /** @param mayEvict whether idle models may be unloaded for it. @throws {HanseError} HANSE_MODEL_MEMORY */
  readonly enter: <T>(
    host: ModelHost,
    inspection: Inspection,
    mayEvict: boolean,
    load: (plan: MemoryPlan) => Promise<T>,
  ) => Promise<T>
  /** The context that it would get now, or the shortest one when it fits only without the others. */
  readonly contextFor: (inspection: Inspection) => number
}

type State =
  | { readonly name: 'unloaded' }
  | { readonly name: 'loading'; share: number; readonly loaded: Promise<ModelWorker> }
  | { readonly name: 'loaded'; readonly worker: ModelWorker; readonly since: number }
  | { readonly name: 'failed'; readonly error: HanseError; readonly retryAt: number }

/** A restart that is that near is worth waiting for; a later one is for another provider to bridge. */
const PATIENCE_MS = 2_000

/** One model of the engine: in memory or not, loading, or waiting to be tried again. */
export class ModelHost {
  readonly id: string
  readonly #door: MemoryDoor
  readonly #options: ModelHostOptions
  readonly #backoff: RestartBackoff
  readonly #closing = new AbortController()
  #spec: ModelSpec
  #stamp: FileStamp | undefined
  #facts: EngineModel | undefined
  #inspection: Inspection | undefined
  #bytes = 0
  #state: State = { name: 'unloaded' }
  /** Whether it is to be in memory, and comes back by itself after a fault. */
  #wanted = false
  #users = 0
  #usedAt = 0
  #idle: NodeJS.Timeout | undefined
  #retry: NodeJS.Timeout | undefined
  #worker: ModelWorker | undefined
  #leaving: Promise<void> = Promise.resolve()

  constructor(spec: ModelSpec, door: MemoryDoor, options: ModelHostOptions) {
    this.id = spec.id
    this.#spec = spec
    this.#door = door
    this.#options = options
    this.#backoff = new RestartBackoff(options.restart, options.random)
  }

  /** `undefined` until it is known to work. */
  get facts(): EngineModel | undefined {
    return this.#facts
  }

  /** What its file says, when it could be read. */
  get inspection(): Inspection | undefined {
    return this.#inspection
  }

  /** Of the worker, while there is one. */
  get pid(): number | undefined {
    return this.#worker?.pid
  }

  get health(): ModelHealth {
    const state = this.#state
    if (state.name === 'loading') return { id: this.id, state: 'loading', progress: state.share }
    if (state.name === 'failed')
      return { id: this.id, state: 'failed', message: state.error.message }
    return { id: this.id, state: state.name }
  }

  /** What is mapped of its file; 0 when it is not in memory. */
  get weightsBytes(): number {
    return this.#state.name === 'loaded' ? (this.#inspection?.need.weightsBytes ?? 0) : 0
  }

  /** All that it takes; 0 when it is not in memory. */
  get bytes(): number {
    return this.#state.name === 'loaded' ? this.#bytes : 0
  }

  /** When it was last used, if it may leave memory now. */
  get idleSince(): number | undefined {
    return this.#state.name === 'loaded' && this.#users === 0 ? this.#usedAt : undefined
  }

  /** Reads what the file says, and leaves it on disk. @throws {HanseError} */
  async inspect(): Promise<void> {
    this.#closing.signal.throwIfAborted()
    const worker = this.#spawn()
    try {
      this.#settleContext(await this.#inspect(worker))
    } catch (error) {
      this.#fail(asHanseError(error), 0)
      throw error
    } finally {
      await this.#end(worker)
    }
  }

  /** Brings it into memory, to stay there. @throws {HanseError} */
  async load(mayEvict: boolean): Promise<void> {
    this.#wanted = true
    await this.#startLoading(mayEvict)
  }

  /** Without a place in memory it waits on disk for a request. */
  waitForRequest(): void {
    this.#wanted = false
    clearTimeout(this.#retry)
    this.#state = { name: 'unloaded' }
    if (this.#inspection !== undefined) this.#settleContext(this.#inspection)
  }

  /** @throws {EngineError} */
  async countInputTokens(request: EngineRequest): Promise<number> {
    using _ = this.#use()
    const worker = await this.#ready(this.#closing.signal)
    return await worker.countInputTokens(request)
  }

  /** @throws {EngineError} */
  async *run(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EngineEvent[]> {
    using _ = this.#use()
    const either = AbortSignal.any([signal, this.#closing.signal])
    const worker = await this.#ready(either)
    yield* worker.run(request, either)
  }

  /** Takes it out of memory, and resolves when that is free. */
  async unload(why: string): Promise<void> {
    if (this.#state.name !== 'loaded') return
    const { worker } = this.#state
    this.#wanted = false
    this.#state = { name: 'unloaded' }
    this.#tell('unloaded', why)
    await this.#end(worker)
  }

  async dispose(): Promise<void> {
    const closed = new EngineError('HANSE_ENGINE_UNAVAILABLE', 'the engine was closed')
    this.#closing.abort(closed)
    clearTimeout(this.#idle)
    clearTimeout(this.#retry)
    if (this.#worker !== undefined) await this.#end(this.#worker)
    await this.#leaving
    this.#state = { name: 'unloaded' }
  }

  #use(): Disposable {
    this.#users += 1
    clearTimeout(this.#idle)
    return {
      [Symbol.dispose]: () => {
        this.#users -= 1
        this.#usedAt = performance.now()
        this.#armIdle()
      },
    }
  }

  #armIdle(): void {
    const { idleUnloadMs } = this.#options
    clearTimeout(this.#idle)
    if (idleUnloadMs === 0 || this.#users > 0) return
    this.#idle = setTimeout(() => void this.unload('nobody asked for it'), idleUnloadMs).unref()
  }

  async #ready(signal: AbortSignal): Promise<ModelWorker> {
    signal.throwIfAborted()
    const state = this.#state
    if (state.name === 'loaded') return state.worker
    if (state.name === 'failed') await waitToRetry(state, signal)
    try {
      return await abortable(this.#startLoading(true), signal)
    } catch (cause) {
      signal.throwIfAborted()
      throw unavailable(asHanseError(cause))
    }
  }

  async #startLoading(mayEvict: boolean): Promise<ModelWorker> {
    if (this.#state.name === 'loaded') return this.#state.worker
    if (this.#state.name === 'loading') return await this.#state.loaded
    clearTimeout(this.#retry)
    const loaded = this.#load(mayEvict)
    // Whoever waits for it hears of a failure; so does `health`.
    loaded.catch(() => {})
    this.#state = { name: 'loading', share: 0, loaded }
    return await loaded
  }

  async #load(mayEvict: boolean): Promise<ModelWorker> {
    // What the process before it held is free only now.
    await this.#leaving
    this.#closing.signal.throwIfAborted()
    const worker = this.#spawn()
    try {
      const inspection = await this.#inspect(worker)
      const facts = await this.#door.enter(this, inspection, mayEvict, async (plan) => {
        const { contextLength } = plan
        this.#bytes = plan.bytes
        this.#spec = { ...this.#spec, contextLength }
        return await worker.load(contextLength, (share) => this.#onProgress(share))
      })
      this.#facts = facts
    } catch (error) {
      await this.#end(worker)
      this.#fail(asHanseError(error), 0)
      throw error
    }
    this.#wanted = true
    this.#state = { name: 'loaded', worker, since: performance.now() }
    this.#usedAt = performance.now()
    this.#armIdle()
    void worker.ended.then((end) => this.#onEnd(worker, end))
    this.#tell('loaded', `with ${this.#facts.contextLength} tokens of context`)
    return worker
  }

  /** @throws {HanseError} HANSE_MODEL_FILE also when it is not the file that was inspected first */
  async #inspect(worker: ModelWorker): Promise<Inspection> {
    const stamp = await stampOf(this.#spec.path)
    const first = this.#stamp ?? stamp
    if (stamp.sizeBytes !== first.sizeBytes || stamp.modifiedMs !== first.modifiedMs)
      throw modelFileError(this.#spec.path, 'has changed: restart to offer what it is now')
    const inspection = await worker.inspect(this.#spec)
    this.#stamp = stamp
    this.#inspection = inspection
    this.#spec = { ...this.#spec, digest: inspection.digest }
    return inspection
  }

  /** What is offered must be kept: from now on it has this context, or none. */
  #settleContext(inspection: Inspection): void {
    const contextLength = this.#door.contextFor(inspection)
    this.#facts = { ...inspection.facts, contextLength }
    this.#spec = { ...this.#spec, contextLength }
  }

  #spawn(): ModelWorker {
    this.#worker = new ModelWorker(this.#options.heartbeat)
    return this.#worker
  }

  async #end(worker: ModelWorker): Promise<void> {
    if (this.#worker === worker) this.#worker = undefined
    const leaving = worker.close()
    this.#leaving = leaving
    await leaving
  }

  #onProgress(share: number): void {
    if (this.#state.name === 'loading') this.#state.share = share
  }

  #onEnd(worker: ModelWorker, { reason, complaint }: WorkerEnd): void {
    const state = this.#state
    if (state.name !== 'loaded' || state.worker !== worker || this.#closing.signal.aborted) return
    this.#worker = undefined
    const why = complaint === undefined ? reason : `${reason} (${complaint})`
    const text = `the process of ${this.id} is gone: ${why}`
    this.#fail(new HanseError('HANSE_ENGINE_FAILED', text), performance.now() - state.since)
  }

  #fail(error: HanseError, ranMs: number): void {
    if (this.#closing.signal.aborted) return
    const waitMs = this.#backoff.next(ranMs)
    this.#state = { name: 'failed', error, retryAt: performance.now() + waitMs }
    this.#tell('failed', error.message)
    if (!this.#wanted) return
    this.#retry = setTimeout(() => void this.#startLoading(true).catch(() => {}), waitMs).unref()
  }

  #tell(what: ModelNotice['what'], message: string): void {
    this.#options.onNotice({ model: this.id, what, message })
  }
}

async function waitToRetry(
  { error, retryAt }: Extract<State, { name: 'failed' }>,
  signal: AbortSignal,
): Promise<void> {
  const waitMs = retryAt - performance.now()
  if (waitMs > PATIENCE_MS) throw unavailable(error)
  if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted())
}

/** The reason names files and memory of the owner's machine: it is in the cause, and not for the consumer. */
function unavailable(cause: HanseError): EngineError {
  return new EngineError('HANSE_ENGINE_UNAVAILABLE', 'the model cannot be loaded now', { cause })
}
