import { randomUUID } from 'node:crypto'
import {
  type Engine,
  EngineError,
  type EngineEvent,
  type EngineHealth,
  type EngineModel,
  type EngineRequest,
} from '../engine.ts'
import { EMBEDDING_BYTES_MAX, embeddingPayloads } from '../http/embedding-answer.ts'
import { EngineHttp } from '../http/engine-http.ts'
import { readDocument } from '../http/http-client.ts'
import { IDLE_MS } from '../http/openai-engine.ts'
import { rootOf } from '../http/programs.ts'
import { finish, readsOf } from '../http/reads.ts'
import { countIn } from '../http/token-tally.ts'
import { estimateInputTokens } from '../input-estimate.ts'
import { encodeJson, isJsonObject, type JsonObject, parseJsonObject, stringIn } from '../json.ts'
import { parseChatBody } from '../openai-request.ts'
import { OllamaAnswer } from './ollama-answer.ts'
import { embeddingItems } from './ollama-embeddings.ts'
import {
  isAtLeast,
  isRemote,
  type OllamaModel,
  type OllamaVersion,
  ollamaModel,
  REFUSES_OVERLONG_SINCE,
  versionOf,
} from './ollama-model.ts'
import { type PullProgress, pullModel } from './ollama-pull.ts'
import { type KeepAlive, ollamaCall } from './ollama-request.ts'

export interface OllamaEngineOptions {
  /** Such as `http://127.0.0.1:11434`; a `/v1` at its end is not needed. */
  readonly url: string
  /** For an Ollama behind a proxy that asks for one. */
  readonly apiKey?: string
  /** Tokens of context to run models with; Ollama's own choice when left out. */
  readonly contextLength?: number
  /** How long a model stays loaded after a request: `10m`, seconds, or -1 for ever; Ollama's own choice when left out. */
  readonly keepAlive?: string
  /** How long the engine may be silent between two reads of an answer, ms. */
  readonly idleMs?: number
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

const HEALTH_MS = 3_000

/** More models than anybody has; each is asked for by itself. */
const MODELS_MAX = 1024
/** Asked for at once. Each answer may hold a licence and a tokenizer's settings, some 100 KiB. */
const SHOWS_AT_ONCE = 4

/** An empty chat loads a model, which may come from a slow disk. */
const LOAD_MS = 600_000

/**
 * Ollama, by its own API.
 *
 * Ollama also speaks OpenAI's, but that has no place for `num_ctx`, `truncate` and `keep_alive`: a prompt longer than
 * Ollama's default context would be cut without a word, and the consumer pay for an answer to half a question. Its own
 * API takes them, and all else that consumers use: tools, images, JSON schemas, thoughts, log probabilities, seeds. What it
 * cannot do is refused here and not left out, as Ollama's OpenAI routes do with `tool_choice` and `n`.
 */
export class OllamaEngine implements Engine {
  readonly name = 'ollama'
  readonly #root: string
  readonly #http: EngineHttp
  readonly #contextLength: number | undefined
  readonly #keepAlive: KeepAlive | undefined
  readonly #idleMs: number
  readonly #now: () => number
  /** As they were when last asked for, each with the digest of its manifest, which tells whether it is still so. */
  readonly #models = new Map<string, { readonly manifest: string; readonly model: OllamaModel }>()
  #version: OllamaVersion = [0, 0, 0]

  constructor(options: OllamaEngineOptions) {
    this.#root = rootOf(options.url)
    this.#http = new EngineHttp(options.apiKey)
    this.#contextLength = options.contextLength
    this.#keepAlive = keepAliveOf(options.keepAlive)
    this.#idleMs = options.idleMs ?? IDLE_MS
    this.#now = options.now ?? Date.now
  }

  /** The models that run on this machine: those that Ollama passes on to its cloud are none. */
  async models(): Promise<EngineModel[]> {
    return (await this.#refresh()).map(({ thinks: _thinks, ...model }) => model)
  }

  async health(signal: AbortSignal = AbortSignal.timeout(HEALTH_MS)): Promise<EngineHealth> {
    try {
      const [version, tags, running] = await Promise.all([
        this.#get('/api/version', signal),
        this.#get('/api/tags', signal),
        this.#get('/api/ps', signal),
      ])
      const loaded = new Set(entriesOf(running).map(nameOf))
      const number = stringIn(version, 'version') ?? ''
      const cuts = !isAtLeast(versionOf(number), REFUSES_OVERLONG_SINCE)
      return {
        ready: true,
        message: cuts
          ? `Ollama ${number} at ${this.#root} cuts prompts that do not fit: update it`
          : `Ollama ${number} answers at ${this.#root}`,
        models: entriesOf(tags)
          .filter((tag) => !isRemote(tag))
          .map((tag) => ({
            id: nameOf(tag),
            state: loaded.has(nameOf(tag)) ? ('loaded' as const) : ('unloaded' as const),
          })),
      }
    } catch (error) {
      const status = error instanceof EngineError ? error.httpStatus : undefined
      const trouble =
        status === undefined ? 'cannot be reached: start it' : `answers with ${status}`
      return { ready: false, message: `Ollama at ${this.#root} ${trouble}`, models: [] }
    }
  }

  async *run(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EngineEvent[]> {
    const either = this.#http.until(signal)
    const model = await this.#modelOf(request.model)
    const { path, body } = ollamaCall(request, model, this.#keepAlive)
    const response = await this.#http.open({
      method: 'POST',
      url: this.#root + path,
      signal: either,
      body: encodeJson(body),
    })
    let whole = false
    try {
      yield [{ type: 'start', inputTokens: null }]
      if (request.kind === 'embedding') {
        yield* this.#embeddings(request, await readDocument(response, EMBEDDING_BYTES_MAX))
      } else {
        const answer = new OllamaAnswer(request.kind, this.#headOf(request), this.#cutAt(model))
        for await (const bytes of readsOf(response, this.#idleMs, () => answer.begun)) {
          const events = answer.push(bytes)
          if (answer.done) events.push(...answer.end(estimateInputTokens(request)))
          if (events.length > 0) yield events
          if (answer.fault !== undefined) throw answer.fault
          if (answer.done) break
        }
        if (!answer.done) answer.end(0)
      }
      whole = true
    } catch (cause) {
      either.throwIfAborted()
      if (cause instanceof EngineError) throw cause
      throw new EngineError('HANSE_ENGINE_FAILED', 'the engine broke off its answer', { cause })
    } finally {
      // A whole answer leaves the connection for the next one; else closing it stops the engine.
      if (whole) finish(response)
      else response.destroy()
    }
  }

  /** Fetches a model from Ollama's library. @throws {EngineError} also the signal's reason */
  async pull(
    model: string,
    onProgress: (progress: PullProgress) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await pullModel(this.#http, this.#root, model, onProgress, signal)
  }

  /** Loads a model before it is asked for. @throws {EngineError} */
  async load(id: string, signal?: AbortSignal): Promise<void> {
    const { contextLength } = await this.#modelOf(id)
    const keep = this.#keepAlive === undefined ? {} : { keep_alive: this.#keepAlive }
    const body = { model: id, stream: false, options: { num_ctx: contextLength }, ...keep }
    await this.#post('/api/generate', body, signal)
  }

  /** Frees the memory of a model. @throws {EngineError} */
  async unload(id: string, signal?: AbortSignal): Promise<void> {
    await this.#post('/api/generate', { model: id, stream: false, keep_alive: 0 }, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#http.close()
  }

  *#embeddings(request: EngineRequest, document: Uint8Array): Generator<EngineEvent[]> {
    const answer = parseJsonObject(document)
    if (!Array.isArray(answer?.embeddings))
      throw new EngineError('HANSE_ENGINE_FAILED', 'the engine sent no embeddings')
    const input = countIn(answer, 'prompt_eval_count') ?? estimateInputTokens(request)
    const base64 = parseChatBody(request.body).encoding_format === 'base64'
    const { payloads } = embeddingPayloads(
      { model: request.model, usage: { prompt_tokens: input, total_tokens: input } },
      embeddingItems(answer.embeddings, base64),
    )
    for (const payload of payloads) yield [{ type: 'delta', tokens: 0, payload }]
    const usage = { inputTokens: input, outputTokens: 0, cachedInputTokens: 0 }
    yield [{ type: 'end', finishReason: 'stop', usage }]
  }

  #headOf({ fixed, kind, model }: EngineRequest): { id: string; created: number; model: string } {
    const prefix = kind === 'chat' ? 'chatcmpl' : 'cmpl'
    return {
      id: fixed?.id ?? `${prefix}-${randomUUID()}`,
      created: fixed?.created ?? Math.floor(this.#now() / 1000),
      model,
    }
  }

  #cutAt({ contextLength }: OllamaModel): number | undefined {
    return isAtLeast(this.#version, REFUSES_OVERLONG_SINCE) ? undefined : contextLength
  }

  async #modelOf(id: string): Promise<OllamaModel> {
    const known = this.#models.get(id)?.model
    if (known !== undefined) return known
    await this.#refresh()
    const found = this.#models.get(id)?.model
    if (found !== undefined) return found
    throw new EngineError('HANSE_ENGINE_MODEL_UNKNOWN', 'the engine does not have this model')
  }

  /** Asks for the list, and for what is new in it. */
  async #refresh(): Promise<OllamaModel[]> {
    const [version, tags, running] = await Promise.all([
      this.#get('/api/version'),
      this.#get('/api/tags'),
      // Versions before 0.1.33 do not have it.
      this.#get('/api/ps').catch(() => undefined),
    ])
    this.#version = versionOf(stringIn(version, 'version') ?? '')
    const loaded = new Map(entriesOf(running).map((entry) => [nameOf(entry), entry]))
    const own = entriesOf(tags).filter((tag) => !isRemote(tag) && nameOf(tag) !== '')
    for (const id of this.#models.keys())
      if (!own.some((tag) => nameOf(tag) === id)) this.#models.delete(id)
    const waiting = own.slice(0, MODELS_MAX)
    await Promise.all(
      Array.from({ length: SHOWS_AT_ONCE }, async () => {
        for (let tag = waiting.shift(); tag !== undefined; tag = waiting.shift())
          await this.#describe(tag, loaded.get(nameOf(tag)))
      }),
    )
    return own.flatMap((tag) => this.#models.get(nameOf(tag))?.model ?? [])
  }

  async #describe(tag: JsonObject, loaded: JsonObject | undefined): Promise<void> {
    const id = nameOf(tag)
    const manifest = stringIn(tag, 'digest') ?? ''
    // A context that was offered stays, whatever another program makes Ollama load the model with.
    if (manifest !== '' && this.#models.get(id)?.manifest === manifest) return
    try {
      const show = await this.#post('/api/show', { model: id })
      if (isRemote(show)) return
      const options = { contextLength: this.#contextLength, version: this.#version }
      this.#models.set(id, { manifest, model: ollamaModel(id, { tag, show, loaded }, options) })
    } catch (error) {
      // Removed in between, or its files are broken: the others are still there.
      if (!(error instanceof EngineError) || error.httpStatus === undefined) throw error
      this.#models.delete(id)
    }
  }

  async #get(path: string, signal?: AbortSignal): Promise<JsonObject> {
    return await this.#http.json(this.#root + path, signal === undefined ? {} : { signal })
  }

  async #post(path: string, body: JsonObject, signal?: AbortSignal): Promise<JsonObject> {
    const ms = path === '/api/generate' ? LOAD_MS : HEALTH_MS
    const call = { body, ms, ...(signal === undefined ? {} : { signal }) }
    return await this.#http.json(this.#root + path, call)
  }
}

/** Numbers are seconds; as text, Ollama wants a unit. */
function keepAliveOf(text: string | undefined): KeepAlive | undefined {
  return text !== undefined && /^-?\d+$/u.test(text) ? Number(text) : text
}

function entriesOf(list: JsonObject | undefined): JsonObject[] {
  const entries: unknown[] = Array.isArray(list?.models) ? list.models : []
  return entries.filter(isJsonObject)
}

function nameOf(entry: JsonObject): string {
  return stringIn(entry, 'model') ?? stringIn(entry, 'name') ?? ''
}
