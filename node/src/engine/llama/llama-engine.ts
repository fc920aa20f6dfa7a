import { basename } from 'node:path'
import { HanseError } from '@hanse/protocol'
import {
  type Engine,
  EngineError,
  type EngineEvent,
  type EngineHealth,
  type EngineModel,
  type EngineRequest,
} from '../engine.ts'
import { answerEmbedding, embeddingInputTokens } from './embedding-answer.ts'
import { parseEmbeddingRequest } from './embedding-request.ts'
import { EventQueue } from './event-queue.ts'
import { type Inspected, inspectModel } from './llama-inspect.ts'
import { type Loaded, loadModel } from './llama-load.ts'
import type { LlamaSlot } from './llama-slot.ts'
import type { GpuChoice } from './model-spec.ts'
import { answerText, textTask } from './text-answer.ts'
import { WaitingQueue } from './waiting-queue.ts'

export interface LlamaEngineOptions {
  /** A GGUF file. */
  readonly modelPath: string
  /** The id to offer it under; the file's name without `.gguf` by default. */
  readonly modelId?: string
  /** Answers generated at once. Each has a context of its own; more requests wait in line. */
  readonly slots?: number
  /** Tokens of context of each slot; what the model was trained for, up to 4096, by default. */
  readonly contextLength?: number
  /** For each answer; 1 for models below 100 million parameters, else the cores shared by the slots. */
  readonly threads?: number
  readonly gpu?: GpuChoice
}

const DEFAULT_SLOTS = 2

// LlamaChat rewrites the history when the context is full. It must never come to that: the last
// token but one is where it begins, and it wants room for one token more than the prompt.
const RESERVED_TOKENS = 1

/** Events that wait for a reader before generation does: a moment's worth, some 20 kB. */
const WAITING_EVENTS_MAX = 64

/** An answer to give, which waits for its place before it begins. */
interface Task {
  readonly inputTokens: number
  readonly enter: (signal: AbortSignal) => Promise<Place>
}

interface Place {
  readonly answer: (queue: EventQueue<EngineEvent>, signal: AbortSignal) => Promise<void>
  readonly leave: () => void
}

/** The built-in engine in this process: llama.cpp with one model. */
export class LlamaEngine implements Engine {
  readonly name = 'builtin'
  readonly #loaded: Loaded
  readonly #slots: WaitingQueue<LlamaSlot>
  readonly #embedding = new WaitingQueue(['the one context'])
  readonly #closing = new AbortController()
  readonly #running = new Set<Promise<void>>()

  private constructor(loaded: Loaded) {
    this.#loaded = loaded
    this.#slots = new WaitingQueue(loaded.slots)
  }

  /** Loads the model. @throws {EngineError} HANSE_ENGINE_FAILED when it cannot be loaded. */
  static async open(options: LlamaEngineOptions): Promise<LlamaEngine> {
    try {
      const inspected = await inspectModel({
        id: options.modelId ?? basename(options.modelPath, '.gguf'),
        path: options.modelPath,
        slots: options.slots ?? DEFAULT_SLOTS,
        contextLength: options.contextLength ?? null,
        threads: options.threads ?? null,
        gpu: options.gpu ?? 'cpu',
        digest: null,
        digestFolder: null,
      })
      return await LlamaEngine.load(inspected, inspected.facts.contextLength)
    } catch (cause) {
      const why = cause instanceof HanseError ? `: ${cause.message}` : ''
      const text = `${options.modelPath} cannot be loaded${why}`
      throw new EngineError('HANSE_ENGINE_FAILED', text, { cause })
    }
  }

  /** Loads a model that was inspected before. @throws {HanseError} */
  static async load(
    inspected: Inspected,
    contextLength: number,
    onProgress?: (share: number) => void,
  ): Promise<LlamaEngine> {
    return new LlamaEngine(await loadModel(inspected, contextLength, onProgress))
  }

  /** The longest that llama.cpp has been at one batch, ms; 0 when it computes none. */
  get callMs(): number {
    return Math.max(...this.#loaded.slots.map(({ callMs }) => callMs), 0)
  }

  get facts(): EngineModel {
    return this.#loaded.facts
  }

  async health(): Promise<EngineHealth> {
    const { id } = this.#loaded.facts
    return { ready: true, message: 'loaded', models: [{ id, state: 'loaded' }] }
  }

  async models(): Promise<EngineModel[]> {
    return [this.#loaded.facts]
  }

  async countInputTokens(request: EngineRequest): Promise<number> {
    this.#checkModel(request)
    const { inputTokens } = await this.#taskOf(request)
    return inputTokens
  }

  async *run(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EngineEvent[]> {
    this.#checkModel(request)
    // Aborted also when the reader goes away, so that nobody computes for nobody.
    const leaving = new AbortController()
    const either = AbortSignal.any([this.#closing.signal, signal, leaving.signal])
    const task = await this.#taskOf(request)
    const place = await task.enter(either)
    const queue = new EventQueue<EngineEvent>(WAITING_EVENTS_MAX)
    // Neither side may wait for the other any more.
    either.addEventListener('abort', () => queue.close(), { once: true })
    queue.push({ type: 'start', inputTokens: task.inputTokens })
    const answering = place.answer(queue, either)
    // The place is free when llama.cpp is done with it, which may be after the reader has left.
    const running = answering
      .catch(() => {})
      .then(() => {
        queue.close()
        place.leave()
        this.#running.delete(running)
      })
    this.#running.add(running)
    try {
      for (let events = await queue.next(); events !== undefined; events = await queue.next()) {
        either.throwIfAborted()
        yield events
      }
      either.throwIfAborted()
      await answering
    } catch (cause) {
      either.throwIfAborted()
      if (cause instanceof EngineError) throw cause
      throw new EngineError('HANSE_ENGINE_FAILED', 'the model broke off its answer', { cause })
    } finally {
      leaving.abort()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new EngineError('HANSE_ENGINE_UNAVAILABLE', 'the engine was closed'))
    await Promise.all(this.#running)
    await this.#loaded.llama.dispose()
  }

  #checkModel(request: EngineRequest): void {
    const { id, capabilities } = this.#loaded.facts
    if (request.model !== id)
      throw new EngineError('HANSE_ENGINE_MODEL_UNKNOWN', 'the engine does not have this model')
    // A model without a chat template can be talked to in a plain one.
    if (capabilities.includes(request.kind) || capabilities.includes('completion')) return
    const text = `the model can only do: ${capabilities.join(', ')}`
    throw new EngineError('HANSE_ENGINE_REFUSED', text, { httpStatus: 400, engineMessage: text })
  }

  async #taskOf(request: EngineRequest): Promise<Task> {
    return request.kind === 'embedding'
      ? await this.#embeddingTask(request)
      : this.#textTask(request)
  }

  #textTask(request: EngineRequest): Task {
    const task = textTask(this.#loaded, request, this.#loaded.facts.contextLength - RESERVED_TOKENS)
    return {
      inputTokens: task.inputTokens,
      enter: async (signal) => {
        const slot = await this.#slots.take(signal)
        return {
          answer: async (queue, ending) => await answerText(task, slot, queue, ending),
          leave: () => this.#slots.giveBack(slot),
        }
      },
    }
  }

  async #embeddingTask(request: EngineRequest): Promise<Task> {
    const parsed = parseEmbeddingRequest(request)
    const context = await this.#loaded.embedding()
    const inputTokens = embeddingInputTokens(context, parsed, this.#loaded.embeddingTokensMax)
    const told = { model: request.fixed?.model ?? request.model, inputTokens }
    return {
      inputTokens,
      enter: async (signal) => {
        const place = await this.#embedding.take(signal)
        return {
          answer: async (queue, ending) =>
            await answerEmbedding(context, parsed, told, queue, ending),
          leave: () => this.#embedding.giveBack(place),
        }
      },
    }
  }
}
