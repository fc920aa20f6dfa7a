import { randomInt, randomUUID } from 'node:crypto'
import { basename } from 'node:path'
import type {
  ChatHistoryItem,
  ChatWrapper,
  Llama,
  LlamaChatResponseChunk,
  LlamaContextSequence,
  LlamaModel,
} from 'node-llama-cpp'
import {
  type Engine,
  EngineError,
  type EngineEvent,
  type EngineHealth,
  type EngineModel,
  type EngineRequest,
} from '../engine.ts'
import { ChatChunks } from './chat-chunks.ts'
import { EventQueue } from './event-queue.ts'
import { countTokens, digestOf } from './llama-model.ts'
import { type LlamaChatRequest, parseLlamaRequest } from './llama-request.ts'
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
}

const DEFAULT_SLOTS = 2

// Memory for the context grows with it; a model's own length can be a million.
const CONTEXT_LENGTH_MAX = 4096

// LlamaChat rewrites the history when the context is full. It must never come to that: the last
// token but one is where it begins, and it wants room for one token more than the prompt.
const RESERVED_TOKENS = 1

type NodeLlamaCpp = typeof import('node-llama-cpp')

interface Loaded {
  readonly library: NodeLlamaCpp
  readonly llama: Llama
  readonly model: LlamaModel
  readonly wrapper: ChatWrapper
  readonly sequences: LlamaContextSequence[]
  readonly facts: EngineModel
}

/** The built-in engine: llama.cpp on this machine's processor. */
export class LlamaEngine implements Engine {
  readonly name = 'builtin'
  readonly #loaded: Loaded
  readonly #slots: WaitingQueue<LlamaContextSequence>
  readonly #closing = new AbortController()
  readonly #running = new Set<Promise<void>>()

  private constructor(loaded: Loaded) {
    this.#loaded = loaded
    this.#slots = new WaitingQueue(loaded.sequences)
  }

  /** Loads the model. @throws {EngineError} HANSE_ENGINE_FAILED when it cannot be loaded. */
  static async open(options: LlamaEngineOptions): Promise<LlamaEngine> {
    try {
      return new LlamaEngine(await load(options))
    } catch (cause) {
      throw new EngineError('HANSE_ENGINE_FAILED', `${options.modelPath} cannot be loaded`, {
        cause,
      })
    }
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
    return this.#countTokens(parseLlamaRequest(request).history)
  }

  async *run(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EngineEvent[]> {
    this.#checkModel(request)
    const parsed = parseLlamaRequest(request)
    const inputTokens = this.#countTokens(parsed.history)
    const room = this.#loaded.facts.contextLength - RESERVED_TOKENS - inputTokens
    if (room < 1) {
      const text = `the prompt has ${inputTokens} tokens; prompt and answer together may have ${this.#loaded.facts.contextLength}`
      throw new EngineError('HANSE_ENGINE_CONTEXT_LENGTH', text, {
        httpStatus: 400,
        engineMessage: text,
      })
    }
    // Aborted also when the reader goes away, so that nobody generates for nobody.
    const leaving = new AbortController()
    const either = AbortSignal.any([this.#closing.signal, signal, leaving.signal])
    const sequence = await this.#slots.take(either)
    const queue = new EventQueue<EngineEvent>()
    const chunks = new ChatChunks(
      `chatcmpl-${randomUUID()}`,
      Math.floor(Date.now() / 1000),
      request.model,
    )
    queue.push({ type: 'start', inputTokens }, { type: 'delta', tokens: 0, payload: chunks.role() })
    const answer = { ...parsed, maxTokens: Math.min(parsed.maxTokens, room) }
    const generating = this.#generate(answer, inputTokens, sequence, chunks, queue, either)
    // The slot goes back when llama.cpp is done with it, which may be after the reader has left.
    const settled = generating.then(
      () => queue.close(),
      () => queue.close(),
    )
    const running = settled.then(() => {
      this.#slots.giveBack(sequence)
      this.#running.delete(running)
    })
    this.#running.add(running)
    try {
      for (let events = await queue.next(); events !== undefined; events = await queue.next())
        yield events
      await generating
    } catch (cause) {
      either.throwIfAborted()
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
    if (request.model === this.#loaded.facts.id) return
    throw new EngineError('HANSE_ENGINE_MODEL_UNKNOWN', 'the engine does not have this model')
  }

  #countTokens(history: ChatHistoryItem[]): number {
    return countTokens(this.#loaded.model, this.#loaded.wrapper, history)
  }

  async #generate(
    request: LlamaChatRequest,
    inputTokens: number,
    sequence: LlamaContextSequence,
    chunks: ChatChunks,
    queue: EventQueue<EngineEvent>,
    signal: AbortSignal,
  ): Promise<void> {
    // A prompt prefix left by somebody else's request would answer faster, and so give it away.
    await sequence.clearHistory()
    const chat = new this.#loaded.library.LlamaChat({
      contextSequence: sequence,
      chatWrapper: this.#loaded.wrapper,
    })
    // Tokens that show no text, such as those around a thought, count with the next chunk that does.
    let untold = 0
    let outputTokens = 0
    const onResponseChunk = (chunk: LlamaChatResponseChunk): void => {
      untold += chunk.tokens.length
      outputTokens += chunk.tokens.length
      if (chunk.text === '') return
      const field = chunk.segmentType === 'thought' ? 'reasoning_content' : 'content'
      queue.push({ type: 'delta', tokens: untold, payload: chunks.text(field, chunk.text) })
      untold = 0
    }
    try {
      const { metadata } = await chat.generateResponse(request.history, {
        seed: randomInt(2 ** 32),
        ...request.sampling,
        maxTokens: request.maxTokens,
        customStopTriggers: request.stop,
        // Penalties would make answers at temperature 0 depend on more than the model.
        repeatPenalty: false,
        budgets: { thoughtTokens: Number.POSITIVE_INFINITY },
        onResponseChunk,
        signal,
      })
      const finishReason = metadata.stopReason === 'maxTokens' ? 'length' : 'stop'
      const usage = { inputTokens, outputTokens, cachedInputTokens: 0 }
      queue.push(
        { type: 'delta', tokens: untold, payload: chunks.finish(finishReason) },
        { type: 'delta', tokens: 0, payload: chunks.usage(usage) },
        { type: 'end', finishReason, usage },
      )
    } finally {
      chat.dispose({ disposeSequence: false })
    }
  }
}

async function load(options: LlamaEngineOptions): Promise<Loaded> {
  const digest = digestOf(options.modelPath)
  // A rejection must not go unseen while the library is imported; it is thrown below.
  digest.catch(() => {})
  // Imported here: it takes 0.4 s and 30 MB that only this engine needs.
  const library = await import('node-llama-cpp')
  const llama = await library.getLlama({
    gpu: false,
    build: 'never',
    logLevel: library.LlamaLogLevel.error,
  })
  try {
    const model = await llama.loadModel({ modelPath: options.modelPath })
    const slots = options.slots ?? DEFAULT_SLOTS
    const contextLength =
      options.contextLength ?? Math.min(model.trainContextSize, CONTEXT_LENGTH_MAX)
    // One thread: more only wait for each other on a small model (900 tokens/s against below 100).
    const context = await model.createContext({
      contextSize: contextLength,
      sequences: slots,
      threads: 1,
    })
    const facts = {
      id: options.modelId ?? basename(options.modelPath, '.gguf'),
      contextLength: context.contextSize,
      digest: `sha256:${await digest}`,
      // As "llama 7B Q4_K - Medium": what follows the architecture and the size.
      quantization: model.typeDescription.split(' ').slice(2).join(' ') || null,
      capabilities: ['chat'],
    }
    const sequences = Array.from({ length: slots }, () => context.getSequence())
    return { library, llama, model, wrapper: library.resolveChatWrapper(model), sequences, facts }
  } catch (error) {
    await llama.dispose()
    throw error
  }
}
