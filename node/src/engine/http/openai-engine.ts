import type { IncomingMessage } from 'node:http'
import {
  type Engine,
  EngineError,
  type EngineEvent,
  type EngineHealth,
  type EngineLoad,
  type EngineModel,
  type EngineRequest,
} from '../engine.ts'
import { estimateInputTokens, maxInputTokens } from '../input-estimate.ts'
import { stringIn } from '../json.ts'
import { upstreamBody } from '../openai-request.ts'
import { EMBEDDING_BYTES_MAX, embeddingAnswer } from './embedding-answer.ts'
import { EngineHttp } from './engine-http.ts'
import { loadOf, tellsLoad } from './engine-load.ts'
import { readDocument } from './http-client.ts'
import { type InputCounter, inputCounterOf } from './input-counters.ts'
import { EXTRA_FACTS, modelsOf } from './model-facts.ts'
import { OpenAiAnswer } from './openai-answer.ts'
import { type OpenAiProgram, PROGRAM_NAMES, rootOf } from './programs.ts'
import { finish, readsOf } from './reads.ts'

export interface OpenAiEngineOptions {
  /** Up to and with `/v1`. */
  readonly baseUrl: string
  readonly apiKey?: string
  /** What is known to answer there; `openai` uses nothing but OpenAI's own routes. */
  readonly program?: OpenAiProgram
  /** Tokens of context to assume of a model whose server does not tell. Ollama runs 4096 by default. */
  readonly assumedContextLength?: number
  /** How long the engine may be silent between two reads of an answer, ms. */
  readonly idleMs?: number
}

const ASSUMED_CONTEXT_LENGTH = 4096

/** A tool call of 4096 tokens, held back until it is whole, takes this at 22 tokens a second. */
export const IDLE_MS = 180_000

// For its owner's eyes, and asked often: an engine that needs longer is not well.
const HEALTH_MS = 3_000

/** Counts are kept for requests that are about to run, so that a second look costs nothing. */
type Counts = WeakMap<Uint8Array, number>

/** Any server that speaks OpenAI's HTTP API: llama.cpp, vLLM, LM Studio and the like. */
export class OpenAiEngine implements Engine {
  readonly name: OpenAiProgram
  /** There when the program has a route for it. */
  readonly countInputTokens?: (request: EngineRequest) => Promise<number>
  readonly #baseUrl: string
  readonly #root: string
  readonly #http: EngineHttp
  readonly #counter: InputCounter | undefined
  readonly #assumedContextLength: number
  readonly #idleMs: number
  readonly #contexts = new Map<string, number>()
  readonly #counts: Counts = new WeakMap()

  constructor(options: OpenAiEngineOptions) {
    this.name = options.program ?? 'openai'
    this.#baseUrl = options.baseUrl.replace(/\/+$/u, '')
    this.#root = rootOf(this.#baseUrl)
    this.#http = new EngineHttp(options.apiKey)
    this.#assumedContextLength = options.assumedContextLength ?? ASSUMED_CONTEXT_LENGTH
    this.#idleMs = options.idleMs ?? IDLE_MS
    this.#counter = inputCounterOf(this.name, this.#http, this.#root)
    if (this.#counter !== undefined) {
      this.countInputTokens = async (request) =>
        (await this.#count(request)) ??
        maxInputTokens(request, await this.#contextOf(request.model))
    }
  }

  async models(): Promise<EngineModel[]> {
    const path = EXTRA_FACTS[this.name]
    const [list, extra] = await Promise.all([
      this.#http.json(`${this.#baseUrl}/models`),
      // An older version, or one that keeps it closed, still serves.
      path === undefined ? undefined : this.#http.json(this.#root + path).catch(() => undefined),
    ])
    if (!Array.isArray(list.data))
      throw new EngineError('HANSE_ENGINE_FAILED', 'the engine sent no list of models')
    const assumedContextLength = this.#assumedContextLength
    const models = modelsOf(list.data, { program: this.name, extra, assumedContextLength })
    for (const { id, contextLength } of models) this.#contexts.set(id, contextLength)
    return models
  }

  async health(signal: AbortSignal = AbortSignal.timeout(HEALTH_MS)): Promise<EngineHealth> {
    const [listed, load] = await Promise.all([
      this.#http.json(`${this.#baseUrl}/models`, { signal, ms: HEALTH_MS }).then(
        (list) => ({ list }),
        (error: unknown) => ({ error }),
      ),
      this.#load(signal),
    ])
    if ('error' in listed) {
      return { ready: false, message: this.#troubleOf(listed.error), models: [] }
    }
    const entries: unknown[] = Array.isArray(listed.list.data) ? listed.list.data : []
    return {
      ready: true,
      message: `${PROGRAM_NAMES[this.name]} answers at ${this.#baseUrl}`,
      models: entries.flatMap((entry) => {
        const id = stringIn(entry, 'id')
        return id === undefined ? [] : [{ id, state: 'loaded' as const }]
      }),
      ...(load === undefined ? {} : { load }),
    }
  }

  async *run(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EngineEvent[]> {
    const either = this.#http.until(signal)
    if (request.kind === 'embedding') {
      yield* this.#embed(request, either)
      return
    }
    const fitting = await this.#fit(request)
    const response = await this.#openStream(fitting, either)
    const answer = new OpenAiAnswer()
    try {
      yield [{ type: 'start', inputTokens: null }]
      // One read of the network is one chunk here, and so one array of events.
      for await (const bytes of readsOf(response, this.#idleMs, () => answer.begun)) {
        const events = answer.push(bytes)
        if (answer.done && answer.inputTokens !== undefined) events.push(answer.end(0))
        if (events.length > 0) yield events
        if (answer.fault !== undefined) throw answer.fault
        if (answer.done) break
      }
      if (!answer.done || answer.inputTokens === undefined)
        yield [answer.end(await this.#uncounted(request))]
    } catch (cause) {
      either.throwIfAborted()
      if (cause instanceof EngineError) throw cause
      throw new EngineError('HANSE_ENGINE_FAILED', 'the engine broke off its answer', { cause })
    } finally {
      // A whole answer leaves the connection for the next one; else closing it stops the engine.
      if (answer.done) finish(response)
      else response.destroy()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#http.close()
  }

  async *#embed(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EngineEvent[]> {
    const response = await this.#post('/embeddings', upstreamBody(request), signal)
    yield [{ type: 'start', inputTokens: null }]
    try {
      const document = await readDocument(response, EMBEDDING_BYTES_MAX)
      const { payloads, inputTokens } = embeddingAnswer(document)
      // Each by itself, so that a reader who is held back does not get them all at once.
      for (const payload of payloads) yield [{ type: 'delta', tokens: 0, payload }]
      const input = inputTokens ?? (await this.#uncounted(request))
      const usage = { inputTokens: input, outputTokens: 0, cachedInputTokens: 0 }
      yield [{ type: 'end', finishReason: 'stop', usage }]
    } catch (cause) {
      signal.throwIfAborted()
      throw cause
    } finally {
      response.destroy()
    }
  }

  /** vLLM and TGI refuse a limit that the context has no room for; the order's limit is only the most that is paid. */
  async #fit(request: EngineRequest): Promise<EngineRequest> {
    if (this.name !== 'vllm' && this.name !== 'tgi') return request
    const context = this.#contexts.get(request.model)
    const { maxOutputTokens } = request
    const enough = maxInputTokens(request, Number.MAX_SAFE_INTEGER) + maxOutputTokens
    if (context === undefined || enough <= context) return request
    const input = await this.#count(request).catch(() => undefined)
    if (input === undefined || input >= context) return request
    return { ...request, maxOutputTokens: Math.min(maxOutputTokens, context - input) }
  }

  async #openStream(request: EngineRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const path = request.kind === 'completion' ? '/completions' : '/chat/completions'
    const body = upstreamBody(request, {
      seeds: this.name !== 'openai',
      salts: this.name === 'vllm',
    })
    const response = await this.#post(path, body, signal)
    if (response.headers['content-type']?.startsWith('text/event-stream') === true) return response
    response.destroy()
    throw new EngineError('HANSE_ENGINE_FAILED', 'the engine did not answer with a stream')
  }

  async #post(path: string, body: Uint8Array, signal: AbortSignal): Promise<IncomingMessage> {
    return await this.#http.open({ method: 'POST', url: this.#baseUrl + path, signal, body })
  }

  async #count(request: EngineRequest): Promise<number | undefined> {
    const known = this.#counts.get(request.body)
    if (known !== undefined) return known
    const count = await this.#counter?.(request).catch((error: unknown) => {
      if (isRouteMissing(error)) return undefined
      throw error
    })
    if (count !== undefined) this.#counts.set(request.body, count)
    return count
  }

  /** What the prompt is worth when the engine has not told: as its tokenizer says, else a low guess. */
  async #uncounted(request: EngineRequest): Promise<number> {
    const count = await this.#count(request).catch(() => undefined)
    return count ?? estimateInputTokens(request)
  }

  async #contextOf(model: string): Promise<number> {
    if (!this.#contexts.has(model)) await this.models()
    return this.#contexts.get(model) ?? this.#assumedContextLength
  }

  async #load(signal: AbortSignal): Promise<EngineLoad | undefined> {
    if (!tellsLoad(this.name)) return undefined
    try {
      const metrics = await this.#http.document(`${this.#root}/metrics`, { signal, ms: HEALTH_MS })
      return loadOf(this.name, new TextDecoder().decode(metrics))
    } catch {
      return undefined
    }
  }

  #troubleOf(error: unknown): string {
    const where = `${PROGRAM_NAMES[this.name]} at ${this.#baseUrl}`
    if (!(error instanceof EngineError)) return `${where} does not answer`
    if (error.httpStatus === 401 || error.httpStatus === 403)
      return `${where} wants an API key: set HANSE_ENGINE_API_KEY`
    if (error.httpStatus === 503) return `${where} is still loading its model`
    if (error.httpStatus !== undefined) return `${where} answers with ${error.httpStatus}`
    return `${where} cannot be reached: start it, or give its address`
  }
}

/** An old version, or one behind a proxy that lets only OpenAI's routes through; it still serves. */
function isRouteMissing(error: unknown): boolean {
  if (!(error instanceof EngineError)) return false
  const { code, httpStatus } = error
  return (
    (httpStatus === 404 && code === 'HANSE_ENGINE_REFUSED') ||
    httpStatus === 405 ||
    httpStatus === 501
  )
}
