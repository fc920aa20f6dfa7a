import { HanseError } from '@hanse/protocol'
import {
  type Engine,
  EngineError,
  type EngineEvent,
  type EngineHealth,
  type EngineModel,
  type EngineRequest,
} from '../engine.ts'
import { abortable } from './abortable.ts'
import { type AvailableMemory, availableMemory } from './memory-available.ts'
import { type MemoryPlan, memoryError, planMemory } from './memory-plan.ts'
import {
  type MemoryDoor,
  ModelHost,
  type ModelHostOptions,
  type ModelNotice,
} from './model-host.ts'
import type { GpuChoice, Inspection } from './model-spec.ts'
import { HEARTBEAT, type Heartbeat } from './model-worker.ts'
import { RESTART_PACE, type RestartPace } from './restart-backoff.ts'

/** A GGUF file to offer. */
export interface BuiltInModel {
  /** The id to offer it under. */
  readonly id: string
  readonly path: string
  /** `sha256:` and the hash in hex, when it is known; else it is computed. */
  readonly digest?: string
}

export interface BuiltInEngineOptions {
  readonly models: readonly BuiltInModel[]
  /** Answers of one model generated at once; more requests wait in line. */
  readonly slots: number
  /** Tokens of prompt and answer together; by default what the model was trained for, up to 4096, or what fits. */
  readonly contextLength?: number
  /** For each answer; by default 1 for small models, else the cores shared by the slots. */
  readonly threads?: number
  readonly gpu?: GpuChoice
  /** Without a request for that long a model leaves memory, ms; 0 keeps it. */
  readonly idleUnloadMs?: number
  /** Whether models come into memory at start, as far as they fit, or each with its first request. */
  readonly loadAtStart?: boolean
  /** Where the digests of files are remembered; without it they are computed at each start. */
  readonly digestFolder?: string
  readonly onNotice?: (notice: ModelNotice) => void
  readonly memory?: () => AvailableMemory
  readonly random?: () => number
  readonly restart?: RestartPace
  readonly heartbeat?: Heartbeat
}

/** The built-in engine: llama.cpp with several models, each in a process of its own. */
export class BuiltInEngine implements Engine {
  readonly name = 'builtin'
  readonly #hosts: ReadonlyMap<string, ModelHost>
  readonly #memory: () => AvailableMemory
  readonly #started: Promise<void>
  #door: Promise<unknown> = Promise.resolve()

  private constructor(options: BuiltInEngineOptions) {
    this.#memory = options.memory ?? availableMemory
    const door: MemoryDoor = {
      enter: async (host, inspection, mayEvict, load) =>
        await this.#inTurn(
          async () => await load(await this.#makeRoom(host, inspection, mayEvict)),
        ),
      contextFor: (inspection) => this.#contextFor(inspection),
    }
    const host: ModelHostOptions = {
      idleUnloadMs: options.idleUnloadMs ?? 0,
      heartbeat: options.heartbeat ?? HEARTBEAT,
      restart: options.restart ?? RESTART_PACE,
      random: options.random ?? Math.random,
      onNotice: options.onNotice ?? (() => {}),
    }
    this.#hosts = new Map(
      options.models.map(({ id, path, digest }) => {
        const spec = {
          id,
          path,
          slots: options.slots,
          contextLength: options.contextLength ?? null,
          threads: options.threads ?? null,
          gpu: options.gpu ?? 'cpu',
          digest: digest?.replace(/^sha256:/u, '') ?? null,
          digestFolder: options.digestFolder ?? null,
        } as const
        return [id, new ModelHost(spec, door, host)]
      }),
    )
    this.#started = this.#start(options.loadAtStart ?? true)
    this.#started.catch(() => {})
  }

  /** Begins to start the engine; see `ready`. */
  static create(options: BuiltInEngineOptions): BuiltInEngine {
    return new BuiltInEngine(options)
  }

  /** An engine that is ready. @throws {HanseError} as `ready` does, and then nothing is left running */
  static async open(options: BuiltInEngineOptions, signal?: AbortSignal): Promise<BuiltInEngine> {
    const engine = BuiltInEngine.create(options)
    try {
      await engine.ready(signal)
      return engine
    } catch (error) {
      await engine[Symbol.asyncDispose]()
      throw error
    }
  }

  /**
   * Resolves when each model was looked at, and is in memory where it is to be. What is wrong with some of them is in
   * `health`.
   *
   * @throws {HanseError} the fault of the first model when none can be offered; the signal's reason
   */
  async ready(signal?: AbortSignal): Promise<void> {
    await (signal === undefined ? this.#started : abortable(this.#started, signal))
  }

  async models(): Promise<EngineModel[]> {
    return [...this.#hosts.values()].flatMap(({ facts }) => (facts === undefined ? [] : [facts]))
  }

  async countInputTokens(request: EngineRequest): Promise<number> {
    return await this.#hostOf(request).countInputTokens(request)
  }

  async *run(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EngineEvent[]> {
    yield* this.#hostOf(request).run(request, signal)
  }

  async health(): Promise<EngineHealth> {
    const models = [...this.#hosts.values()].map(({ health }) => health)
    const ready = models.some(({ state }) => state === 'loaded' || state === 'unloaded')
    const wrong = models.flatMap(({ message }) => message ?? [])
    const count = (wanted: string) => models.filter(({ state }) => state === wanted).length
    const told = (['loaded', 'loading', 'unloaded', 'failed'] as const)
      .filter((state) => count(state) > 0)
      .map((state) => `${count(state)} ${state}`)
    return { ready, message: [told.join(', '), ...wrong].join('; '), models }
  }

  /** The process of a model, while there is one. */
  workerPid(model: string): number | undefined {
    return this.#hosts.get(model)?.pid
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#hosts.values()].map(async (host) => await host.dispose()))
    await this.#started.catch(() => {})
  }

  async #start(load: boolean): Promise<void> {
    const faults: unknown[] = []
    for (const host of this.#hosts.values()) {
      try {
        await (load ? host.load(false) : host.inspect())
      } catch (error) {
        // When it would fit without the others, it has its turn when somebody asks for it.
        if (isMemoryFault(error) && this.#fitsAlone(host)) host.waitForRequest()
        else faults.push(error)
      }
    }
    if (faults.length === this.#hosts.size && faults.length > 0) throw faults[0]
  }

  #hostOf({ model }: EngineRequest): ModelHost {
    const host = this.#hosts.get(model)
    if (host === undefined)
      throw new EngineError('HANSE_ENGINE_MODEL_UNKNOWN', 'the engine does not have this model')
    return host
  }

  /** One model after the other: two that load at once would both count on the same memory. */
  async #inTurn<T>(load: () => Promise<T>): Promise<T> {
    const turn = this.#door.then(load)
    this.#door = turn.catch(() => {})
    return await turn
  }

  /** @throws {HanseError} HANSE_MODEL_MEMORY */
  async #makeRoom(host: ModelHost, inspection: Inspection, mayEvict: boolean): Promise<MemoryPlan> {
    for (;;) {
      const bytes = this.#availableBytes(inspection)
      const plan = planMemory(inspection.need, bytes)
      if (plan !== undefined) return plan
      const idle = mayEvict ? this.#idle() : []
      // Nobody leaves for a model that would not fit even then.
      const freed = idle.reduce((sum, other) => sum + other.bytes, bytes)
      const [longest] = idle
      if (longest === undefined || planMemory(inspection.need, freed) === undefined)
        throw memoryError(host.id, inspection.need, bytes)
      await longest.unload(`to make room for ${host.id}`)
    }
  }

  #contextFor(inspection: Inspection): number {
    const { need, facts } = inspection
    const plan = planMemory(need, this.#availableBytes(inspection))
    return (plan?.contextLength ?? need.contexts.at(-1)?.length) || facts.contextLength
  }

  #availableBytes({ vramFreeBytes }: Inspection): number {
    const { bytes, withFileCache } = this.#memory()
    // Weights are mapped files: the system calls their memory available as long as nobody touches them.
    return bytes + vramFreeBytes - (withFileCache ? this.#loadedBytes() : 0)
  }

  #loadedBytes(): number {
    return [...this.#hosts.values()].reduce((sum, { weightsBytes }) => sum + weightsBytes, 0)
  }

  #fitsAlone(host: ModelHost): boolean {
    const inspection = host.inspection
    if (inspection === undefined) return false
    const others = [...this.#hosts.values()].reduce((sum, { bytes }) => sum + bytes, 0)
    return planMemory(inspection.need, this.#availableBytes(inspection) + others) !== undefined
  }

  /** Models that may leave memory, the longest unused first. */
  #idle(): ModelHost[] {
    return [...this.#hosts.values()]
      .filter(({ idleSince }) => idleSince !== undefined)
      .toSorted((a, b) => (a.idleSince ?? 0) - (b.idleSince ?? 0))
  }
}

function isMemoryFault(error: unknown): boolean {
  return error instanceof HanseError && error.code === 'HANSE_MODEL_MEMORY'
}
