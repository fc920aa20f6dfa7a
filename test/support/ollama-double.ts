import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import {
  type DoubleCall,
  type DoubleOptions,
  type EngineDouble,
  numberOption,
  runDouble,
  startDouble,
  tokensOfMessages,
  wordsIn,
} from './engine-double.ts'

export interface OllamaDoubleModel {
  readonly name: string
  readonly capabilities: readonly string[]
  /** What it was trained with. */
  readonly contextLength: number
  /** `PARAMETER num_ctx` of its Modelfile. */
  readonly numCtx?: number
  readonly quantization?: string
  /** GGUF metadata of its own. */
  readonly info?: Readonly<Record<string, unknown>>
  /** More lines of its Modelfile, such as `ADAPTER …`. */
  readonly modelfile?: string
  /** Runs in Ollama's cloud, and not here. */
  readonly remote?: boolean
}

export interface OllamaDoubleOptions extends DoubleOptions {
  readonly models?: readonly OllamaDoubleModel[]
  readonly version?: string
  /** How long a model takes to load. */
  readonly loadMs?: number
}

export interface OllamaDouble extends EngineDouble {
  /** How often a model was loaded, also again for another context. */
  readonly loads: number
  /** `sha256:` and the hash of a model's weights. */
  weightsOf(name: string): string
}

export const OLLAMA_DOUBLE_MODELS: readonly OllamaDoubleModel[] = [
  {
    name: 'llama3.2:3b',
    capabilities: ['completion', 'tools'],
    contextLength: 131_072,
    quantization: 'Q4_K_M',
    info: {
      'general.basename': 'Llama-3.2',
      'general.finetune': 'Instruct',
      'general.size_label': '3B',
      'general.parameter_count': 3_212_749_888,
    },
  },
  {
    name: 'nomic-embed-text:latest',
    capabilities: ['embedding'],
    contextLength: 2048,
    quantization: 'F16',
  },
  {
    name: 'gpt-oss:120b-cloud',
    capabilities: ['completion', 'tools', 'thinking'],
    contextLength: 131_072,
    remote: true,
  },
]

/** What Ollama loads a model with that nobody says anything of. */
const DEFAULT_NUM_CTX = 4096
const WHEN = '2025-06-01T12:00:00.000Z'
const DIMENSIONS = 8

interface Loaded {
  readonly numCtx: number
  readonly keepAlive: unknown
}

interface OllamaBody {
  readonly model?: string
  readonly name?: string
  readonly messages?: readonly { readonly images?: readonly unknown[] }[]
  readonly prompt?: string
  readonly input?: unknown
  readonly tools?: readonly { readonly function?: { readonly name?: string } }[]
  readonly think?: unknown
  readonly format?: unknown
  readonly logprobs?: boolean
  readonly truncate?: boolean
  readonly stream?: boolean
  readonly keep_alive?: unknown
  readonly options?: { readonly num_ctx?: number; readonly num_predict?: number }
}

/**
 * A server that speaks Ollama's own HTTP API on 127.0.0.1: the n-th token of an answer is ` tn`, and a word of a prompt is a
 * token. With tools, and `use the tool` in the prompt, it calls the first of them. A model that thinks says ` thought`
 * first. Loading, contexts and errors are as Ollama has them.
 */
export async function startOllamaDouble(options: OllamaDoubleOptions = {}): Promise<OllamaDouble> {
  const ollama = new Ollama(options)
  const double = await startDouble(
    { headers: {}, answer: async (route, call) => await ollama.answer(route, call) },
    options,
  )
  return Object.defineProperties(double as OllamaDouble, {
    loads: { get: () => ollama.loads },
    weightsOf: { value: weightsOf },
  })
}

class Ollama {
  loads = 0
  readonly #models: OllamaDoubleModel[]
  readonly #version: string
  readonly #loadMs: number
  readonly #loaded = new Map<string, Loaded>()

  constructor({ models, version, loadMs }: OllamaDoubleOptions) {
    this.#models = [...(models ?? OLLAMA_DOUBLE_MODELS)]
    this.#version = version ?? '0.12.11'
    this.#loadMs = loadMs ?? 0
  }

  async answer(route: string, call: DoubleCall): Promise<void> {
    const { response, json } = call
    switch (route) {
      case 'GET /':
        response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
        response.end('Ollama is running')
        return
      case 'GET /api/version':
        json(200, { version: this.#version })
        return
      case 'GET /api/tags':
        json(200, { models: this.#models.map((model) => this.#tag(model)) })
        return
      case 'GET /v1/models':
        json(200, {
          object: 'list',
          data: this.#models.map(({ name }) => ({
            id: name,
            object: 'model',
            created: 1_748_779_200,
            owned_by: 'library',
          })),
        })
        return
      case 'GET /api/ps':
        json(200, { models: this.#running() })
        return
      case 'POST /api/show':
        this.#withModel(call, (model) => json(200, this.#show(model)))
        return
      case 'POST /api/pull':
        await this.#pull(call)
        return
      case 'POST /api/chat':
      case 'POST /api/generate':
      case 'POST /api/embed':
        await this.#run(route.slice(5), call)
        return
      default:
        response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found')
    }
  }

  #tag(model: OllamaDoubleModel): object {
    const cloud = { remote_model: 'gpt-oss:120b', remote_host: 'https://ollama.com:443' }
    return {
      name: model.name,
      model: model.name,
      modified_at: WHEN,
      size: model.remote === true ? 384 : 2_019_393_189,
      digest: sha256(`manifest of ${model.name}`),
      details: detailsOf(model),
      ...(model.remote === true ? cloud : {}),
    }
  }

  #show(model: OllamaDoubleModel): object {
    const blob = `/usr/share/ollama/.ollama/models/blobs/${weightsOf(model.name).replace(':', '-')}`
    const modelfile = `# Modelfile generated by "ollama show"\n\nFROM ${blob}\nTEMPLATE """{{ .Prompt }}"""\n${model.modelfile ?? ''}\n`
    const parameters =
      model.numCtx === undefined
        ? 'stop                           "<|eot_id|>"'
        : `num_ctx                        ${model.numCtx}\nstop                           "<|eot_id|>"`
    return {
      license: 'a licence',
      modelfile,
      parameters,
      template: '{{ .Prompt }}',
      details: detailsOf(model),
      model_info: {
        'general.architecture': 'llama',
        'llama.context_length': model.contextLength,
        ...model.info,
      },
      capabilities: model.capabilities,
      modified_at: WHEN,
    }
  }

  #running(): object[] {
    return [...this.#loaded].flatMap(([name, { numCtx }]) => {
      const model = this.#models.find((each) => each.name === name)
      if (model === undefined) return []
      const expires = new Date(Date.parse(WHEN) + 300_000).toISOString()
      return [
        {
          ...this.#tag(model),
          expires_at: expires,
          size_vram: 2_019_393_189,
          context_length: numCtx,
        },
      ]
    })
  }

  async #pull({ body, response }: DoubleCall): Promise<void> {
    const name = String(body.model ?? body.name)
    response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    const line = (content: object): void => void response.write(`${JSON.stringify(content)}\n`)
    line({ status: 'pulling manifest' })
    if (name.includes('missing')) {
      response.end(`${JSON.stringify({ error: 'pull model manifest: file does not exist' })}\n`)
      return
    }
    const digest = weightsOf(name)
    for (const completed of [undefined, 500, 1000]) {
      const done = completed === undefined ? {} : { completed }
      line({ status: `pulling ${digest.slice(7, 19)}`, digest, total: 1000, ...done })
      await sleep(1)
    }
    for (const status of ['verifying sha256 digest', 'writing manifest']) line({ status })
    this.#models.push({ name, capabilities: ['completion'], contextLength: 8192 })
    response.end(`${JSON.stringify({ status: 'success' })}\n`)
  }

  async #run(path: string, call: DoubleCall): Promise<void> {
    const body: OllamaBody = call.body
    const overloaded = {
      status: 503,
      body: { error: 'server busy, please try again.  maximum pending requests exceeded' },
    }
    await call.answering(overloaded, async () => {
      const model = this.#find(body)
      if (model === undefined) {
        call.json(404, { error: `model '${body.model ?? ''}' not found` })
        return
      }
      const refusal = refusalOf(path, model, body)
      if (refusal !== undefined) {
        call.json(400, { error: refusal })
        return
      }
      const numCtx = await this.#load(model, body)
      if (path === '/api/embed') this.#embed(model, body, numCtx, call)
      else await this.#generate(path === '/api/chat', model, body, numCtx, call)
    })
  }

  /** Another context than the loaded one means to load again, as it does for Ollama. */
  async #load(model: OllamaDoubleModel, body: OllamaBody): Promise<number> {
    const wanted = body.options?.num_ctx ?? model.numCtx ?? DEFAULT_NUM_CTX
    const numCtx = Math.min(wanted, model.contextLength)
    if (this.#loaded.get(model.name)?.numCtx !== numCtx) {
      this.loads++
      if (this.#loadMs > 0) await sleep(this.#loadMs)
    }
    if (body.keep_alive === 0) this.#loaded.delete(model.name)
    else this.#loaded.set(model.name, { numCtx, keepAlive: body.keep_alive })
    return numCtx
  }

  async #generate(
    isChat: boolean,
    model: OllamaDoubleModel,
    body: OllamaBody,
    numCtx: number,
    call: DoubleCall,
  ): Promise<void> {
    const { response, control } = call
    const head = { model: model.name, created_at: WHEN }
    const line = (content: object): string => `${JSON.stringify({ ...head, ...content })}\n`
    const empty = isChat ? { message: { role: 'assistant', content: '' } } : { response: '' }
    const prompt = isChat ? tokensOfMessages(body.messages) : wordsIn(body.prompt)
    if (prompt === 0) {
      call.json(200, {
        ...head,
        ...empty,
        done: true,
        done_reason: body.keep_alive === 0 ? 'unload' : 'load',
      })
      return
    }
    const fits = prompt < numCtx
    if (!fits && body.truncate === false && !this.#version.startsWith('0.11.')) {
      call.json(400, { error: tooLong(prompt, numCtx) })
      return
    }
    const input = Math.min(prompt, numCtx)
    const asked = Math.min(body.options?.num_predict ?? Number.MAX_SAFE_INTEGER, numCtx - input)
    const tool = toolOf(body)
    const thoughts = model.capabilities.includes('thinking') && body.think !== false ? 1 : 0
    const tokens = tool === undefined ? Math.min(asked, control.tokens) + thoughts : 12
    const events = (from: number, to: number): string => {
      let text = ''
      for (let n = from; n < to; n++) {
        const token = ` t${n - thoughts}`
        const logprobs = body.logprobs === true ? { logprobs: [logprobOf(token)] } : {}
        const message =
          n < thoughts
            ? { role: 'assistant', content: '', thinking: ' thought' }
            : { role: 'assistant', content: token }
        text += line({ ...(isChat ? { message } : { response: token }), ...logprobs, done: false })
      }
      return text
    }
    response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    response.flushHeaders()
    if (tool === undefined) {
      const error = (message: string): string => `${JSON.stringify({ error: message })}\n`
      if (!(await call.paced(tokens, { events, error }))) return
    } else {
      const calls = [{ function: { name: tool, arguments: { city: 'Köln' } } }]
      response.write(
        line({ message: { role: 'assistant', content: '', tool_calls: calls }, done: false }),
      )
    }
    const factor = control.fault === 'absurd-usage' ? 1_000_000 : 1
    const counts = { prompt_eval_count: input, eval_count: tokens * factor }
    response.end(
      line({
        ...empty,
        done: true,
        done_reason: tool === undefined && asked < control.tokens ? 'length' : 'stop',
        total_duration: 1_000_000,
        load_duration: 1000,
        ...(control.fault === 'no-usage' ? {} : counts),
        prompt_eval_duration: 1000,
        eval_duration: 1000,
      }),
    )
  }

  #embed(model: OllamaDoubleModel, body: OllamaBody, numCtx: number, call: DoubleCall): void {
    const texts: unknown[] = Array.isArray(body.input) ? body.input : [body.input]
    const longest = Math.max(...texts.map((text) => wordsIn(text)))
    if (longest > numCtx && body.truncate === false) {
      call.json(500, { error: 'the input length exceeds the context length' })
      return
    }
    const embeddings = texts.map((text) =>
      Array.from({ length: DIMENSIONS }, (_, n) => (wordsIn(text) + n) / 128),
    )
    const count = texts.reduce<number>((sum, text) => sum + wordsIn(text), 0)
    call.json(200, {
      model: model.name,
      embeddings,
      total_duration: 1_000_000,
      load_duration: 1000,
      ...(call.control.fault === 'no-usage' ? {} : { prompt_eval_count: count }),
    })
  }

  #withModel(call: DoubleCall, run: (model: OllamaDoubleModel) => void): void {
    const model = this.#find(call.body)
    if (model === undefined)
      call.json(404, { error: `model '${String(call.body.model)}' not found` })
    else run(model)
  }

  #find(body: OllamaBody): OllamaDoubleModel | undefined {
    const name = body.model ?? body.name
    return this.#models.find((each) => each.name === name)
  }
}

function refusalOf(path: string, model: OllamaDoubleModel, body: OllamaBody): string | undefined {
  const has = (capability: string): boolean => model.capabilities.includes(capability)
  const shown = `registry.ollama.ai/library/${model.name}`
  if (path === '/api/chat' && !has('completion')) return `"${model.name}" does not support chat`
  if (path === '/api/generate' && !has('completion'))
    return `"${model.name}" does not support generate`
  if (body.tools !== undefined && !has('tools')) return `${shown} does not support tools`
  if (body.think !== undefined && !has('thinking'))
    return `"${model.name}" does not support thinking`
  return undefined
}

function toolOf(body: OllamaBody): string | undefined {
  const wants = JSON.stringify(body.messages ?? []).includes('use the tool')
  return wants ? body.tools?.[0]?.function?.name : undefined
}

/** The refusal of llama.cpp's server, which newer versions pass on as text. */
function tooLong(prompt: number, numCtx: number): string {
  const message = `request (${prompt} tokens) exceeds the available context size (${numCtx} tokens), try increasing it`
  return JSON.stringify({ error: { code: 400, message, type: 'exceed_context_size_error' } })
}

function logprobOf(token: string): object {
  return { token, logprob: -0.5, bytes: [...Buffer.from(token)], top_logprobs: [] }
}

function detailsOf(model: OllamaDoubleModel): object {
  return {
    parent_model: '',
    format: 'gguf',
    family: 'llama',
    families: ['llama'],
    parameter_size: '3.2B',
    quantization_level: model.quantization ?? 'Q4_0',
  }
}

function weightsOf(name: string): string {
  return `sha256:${sha256(`weights of ${name}`)}`
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      tokens: { type: 'string' },
      'tokens-per-second': { type: 'string' },
      'load-ms': { type: 'string' },
    },
  })
  const port = numberOption(values.port)
  const tokens = numberOption(values.tokens)
  const tokensPerSecond = numberOption(values['tokens-per-second'])
  const loadMs = numberOption(values['load-ms'])
  const double = await startOllamaDouble({
    ...(port === undefined ? {} : { port }),
    ...(tokens === undefined ? {} : { tokens }),
    ...(tokensPerSecond === undefined ? {} : { tokensPerSecond }),
    ...(loadMs === undefined ? {} : { loadMs }),
  })
  await runDouble(double)
}
