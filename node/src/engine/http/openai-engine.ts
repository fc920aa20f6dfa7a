import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import {
  type Engine,
  EngineError,
  type EngineEvent,
  type EngineHealth,
  type EngineModel,
  type EngineRequest,
} from '../engine.ts'
import { isJsonObject, type JsonObject, numberIn, parseJsonObject, stringIn } from '../json.ts'
import { upstreamBody } from '../openai-request.ts'
import { HttpClient, readDocument } from './http-client.ts'
import { messageOf, OpenAiAnswer } from './openai-answer.ts'

export interface OpenAiEngineOptions {
  /** Up to and with `/v1`. */
  readonly baseUrl: string
  readonly apiKey?: string
  /** Tokens of context to assume of a model whose server does not tell. Ollama runs 4096 by default. */
  readonly assumedContextLength?: number
}

const ASSUMED_CONTEXT_LENGTH = 4096

// A list of models is at hand in every engine; one that needs longer is not fit to serve.
const MODELS_MS = 10_000

// The end of a chunked body follows [DONE] at once; a server that holds it back loses the connection.
const DRAIN_MS = 1_000

/** The engine's words are kept up to here: enough for any real message. */
const ENGINE_MESSAGE_CHARS_MAX = 1000

/** Any server that speaks OpenAI's HTTP API: Ollama, llama.cpp, vLLM, LM Studio and the like. */
export class OpenAiEngine implements Engine {
  readonly name = 'openai'
  readonly #baseUrl: string
  readonly #headers: OutgoingHttpHeaders
  readonly #assumedContextLength: number
  readonly #http = new HttpClient()
  readonly #closing = new AbortController()

  constructor(options: OpenAiEngineOptions) {
    this.#baseUrl = options.baseUrl.replace(/\/+$/, '')
    this.#headers =
      options.apiKey === undefined ? {} : { authorization: `Bearer ${options.apiKey}` }
    this.#assumedContextLength = options.assumedContextLength ?? ASSUMED_CONTEXT_LENGTH
  }

  async health(): Promise<EngineHealth> {
    try {
      const models = await this.models()
      return {
        ready: true,
        message: `answers at ${this.#baseUrl}`,
        models: models.map(({ id }) => ({ id, state: 'loaded' })),
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      return { ready: false, message: `${this.#baseUrl}: ${message}`, models: [] }
    }
  }

  async models(): Promise<EngineModel[]> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(MODELS_MS)])
    const response = await this.#open('GET', '/models', signal)
    const list = parseJsonObject(await readDocument(response))
    if (!Array.isArray(list?.data))
      throw new EngineError('HANSE_ENGINE_FAILED', 'the engine sent no list of models')
    return list.data.flatMap((entry) => this.#modelOf(entry))
  }

  async *run(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EngineEvent[]> {
    const either = AbortSignal.any([this.#closing.signal, signal])
    const response = await this.#openAnswer(request, either)
    const answer = new OpenAiAnswer()
    try {
      yield [{ type: 'start', inputTokens: null }]
      // One read of the network is one chunk here, and so one array of events.
      for await (const bytes of readsOf(response)) {
        const events = answer.push(bytes)
        if (events.length > 0) yield events
        if (answer.fault !== undefined) throw answer.fault
        if (answer.done) return
      }
      yield [answer.end()]
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
    this.#closing.abort(new EngineError('HANSE_ENGINE_UNAVAILABLE', 'the engine was closed'))
    this.#http.close()
  }

  async #openAnswer(request: EngineRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const response = await this.#open('POST', '/chat/completions', signal, upstreamBody(request))
    if (response.headers['content-type']?.startsWith('text/event-stream') === true) return response
    response.destroy()
    throw new EngineError('HANSE_ENGINE_FAILED', 'the engine did not answer with a stream')
  }

  async #open(
    method: 'GET' | 'POST',
    path: string,
    signal: AbortSignal,
    body?: Uint8Array,
  ): Promise<IncomingMessage> {
    const headers: OutgoingHttpHeaders = {
      ...this.#headers,
      accept: 'text/event-stream, application/json',
    }
    if (body !== undefined) {
      headers['content-type'] = 'application/json'
      headers['content-length'] = body.byteLength
    }
    const url = new URL(this.#baseUrl + path)
    const response = await this.#http.open({
      method,
      url,
      headers,
      signal,
      ...(body === undefined ? {} : { body }),
    })
    const status = response.statusCode ?? 0
    if (status >= 200 && status < 300) return response
    throw refusalOf(status, parseJsonObject(await readDocument(response)))
  }

  #modelOf(entry: unknown): EngineModel[] {
    const id = stringIn(entry, 'id')
    if (id === undefined || !isJsonObject(entry)) return []
    // In turn: vLLM, OpenRouter and others, Groq, llama.cpp.
    const contextLength =
      numberIn(entry, 'max_model_len') ??
      numberIn(entry, 'context_length') ??
      numberIn(entry, 'context_window') ??
      numberIn(entry.meta, 'n_ctx') ??
      numberIn(entry.meta, 'n_ctx_train') ??
      this.#assumedContextLength
    return [{ id, contextLength, digest: null, quantization: null, capabilities: ['chat'] }]
  }
}

/** Leaving the loop does not close the connection, as it would by default. */
function readsOf(response: IncomingMessage): AsyncIterable<Uint8Array> {
  return response.iterator({ destroyOnReturn: false })
}

/** Drains what may follow `[DONE]`, so that the connection can be used again. */
function finish(response: IncomingMessage): void {
  const timer = setTimeout(() => response.destroy(), DRAIN_MS)
  response.once('close', () => clearTimeout(timer))
  response.resume()
}

function refusalOf(httpStatus: number, answer: JsonObject | undefined): EngineError {
  const engineMessage = messageOf(answer)?.slice(0, ENGINE_MESSAGE_CHARS_MAX)
  const facts = { httpStatus, ...(engineMessage === undefined ? {} : { engineMessage }) }
  const code = stringIn(answer?.error, 'code') ?? stringIn(answer?.error, 'type') ?? ''
  if (httpStatus === 408 || httpStatus === 429 || (httpStatus >= 502 && httpStatus <= 504)) {
    return new EngineError('HANSE_ENGINE_UNAVAILABLE', `the engine is busy (${httpStatus})`, facts)
  }
  // A wrong API key is the provider's own mistake, and none of the client's.
  if (httpStatus >= 500 || httpStatus === 401 || httpStatus === 403 || httpStatus < 400) {
    return new EngineError('HANSE_ENGINE_FAILED', `the engine failed (${httpStatus})`, facts)
  }
  if (isContextLength(code, engineMessage)) {
    return new EngineError(
      'HANSE_ENGINE_CONTEXT_LENGTH',
      `prompt and answer do not fit (${httpStatus})`,
      facts,
    )
  }
  if (
    code === 'model_not_found' ||
    (httpStatus === 404 && /\bmodel\b/i.test(engineMessage ?? ''))
  ) {
    return new EngineError(
      'HANSE_ENGINE_MODEL_UNKNOWN',
      'the engine does not have this model',
      facts,
    )
  }
  return new EngineError(
    'HANSE_ENGINE_REFUSED',
    `the engine refused the request (${httpStatus})`,
    facts,
  )
}

// OpenAI's code, llama.cpp's type, and the words of vLLM and Ollama.
function isContextLength(code: string, message = ''): boolean {
  if (code === 'context_length_exceeded' || code === 'exceed_context_size_error') return true
  return /maximum context length|exceeds? the (available )?context|context (length|window|size)[^.]*exceed/i.test(
    message,
  )
}
