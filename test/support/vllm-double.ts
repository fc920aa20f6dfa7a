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

export interface VllmDoubleOptions extends DoubleOptions {
  readonly model?: string
  readonly maxModelLen?: number
  /** Wanted of all routes under /v1. */
  readonly apiKey?: string
  /** Dimensions of embeddings. */
  readonly dimensions?: number
}

const CREATED = 1_700_000_000
const VERSION = '0.11.0'
const ANSWERS = ['POST /v1/chat/completions', 'POST /v1/completions', 'POST /v1/embeddings']

interface Choosing {
  readonly max_tokens?: number | null
  readonly max_completion_tokens?: number | null
  readonly stream?: boolean
  readonly stream_options?: { include_usage?: boolean; continuous_usage_stats?: boolean }
  readonly logprobs?: unknown
  readonly prompt?: unknown
  readonly input?: unknown
  readonly messages?: unknown
  readonly add_generation_prompt?: boolean
  readonly continue_final_message?: boolean
  readonly model?: string
  readonly encoding_format?: string
}

/**
 * A server that speaks vLLM's HTTP API on 127.0.0.1: its n-th token is ` tn`, and a word of a prompt is a token. It goes on
 * with an answer that was begun, and knows how far that got. Errors, metrics and streams have vLLM's own shapes.
 */
export async function startVllmDouble(options: VllmDoubleOptions = {}): Promise<EngineDouble> {
  const vllm = new VllmDouble(options)
  return await startDouble(
    {
      headers: { server: 'uvicorn' },
      answer: async (route, call) => await vllm.answer(route, call),
    },
    options,
  )
}

class VllmDouble {
  readonly #model: string
  readonly #maxModelLen: number
  readonly #apiKey: string | undefined
  readonly #dimensions: number
  #promptTokens = 0
  #generatedTokens = 0
  #ids = 0

  constructor({ model, maxModelLen, apiKey, dimensions }: VllmDoubleOptions) {
    this.#model = model ?? 'double/vllm-1b'
    this.#maxModelLen = maxModelLen ?? 8192
    this.#apiKey = apiKey
    this.#dimensions = dimensions ?? 8
  }

  async answer(route: string, call: DoubleCall): Promise<void> {
    const { request, response, json } = call
    const path = route.split(' ')[1] ?? ''
    const closed =
      this.#apiKey !== undefined &&
      path.startsWith('/v1') &&
      request.headers.authorization !== `Bearer ${this.#apiKey}`
    if (closed) json(401, { error: 'Unauthorized' })
    else if (route === 'GET /health' || route === 'GET /ping') response.writeHead(200).end()
    else if (route === 'GET /version') json(200, { version: VERSION })
    else if (route === 'GET /v1/models') json(200, { object: 'list', data: [this.#card()] })
    else if (route === 'GET /metrics') this.#metrics(call)
    else if (route === 'POST /tokenize') this.#tokenize(call)
    else if (ANSWERS.includes(route)) await this.#generate(path, call)
    else json(404, { detail: 'Not Found' })
  }

  #card(): object {
    return {
      id: this.#model,
      object: 'model',
      created: CREATED,
      owned_by: 'vllm',
      root: this.#model,
      parent: null,
      max_model_len: this.#maxModelLen,
      permission: [],
    }
  }

  #metrics({ response, counts }: DoubleCall): void {
    const labels = `{engine="0",model_name="${this.#model}"}`
    const lines = [
      '# HELP vllm:num_requests_running Number of requests in model execution batches.',
      '# TYPE vllm:num_requests_running gauge',
      `vllm:num_requests_running${labels} ${counts.running.toFixed(1)}`,
      '# HELP vllm:num_requests_waiting Number of requests waiting to be processed.',
      '# TYPE vllm:num_requests_waiting gauge',
      `vllm:num_requests_waiting${labels} 0.0`,
      '# HELP vllm:kv_cache_usage_perc KV-cache usage. 1 means 100 percent usage.',
      '# TYPE vllm:kv_cache_usage_perc gauge',
      `vllm:kv_cache_usage_perc${labels} ${Math.min(1, counts.running / 64)}`,
      '# HELP vllm:prompt_tokens_total Number of prefill tokens processed.',
      '# TYPE vllm:prompt_tokens_total counter',
      `vllm:prompt_tokens_total${labels} ${this.#promptTokens.toFixed(1)}`,
      '# HELP vllm:generation_tokens_total Number of generation tokens processed.',
      '# TYPE vllm:generation_tokens_total counter',
      `vllm:generation_tokens_total${labels} ${this.#generatedTokens.toFixed(1)}`,
    ]
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
    response.end(`${lines.join('\n')}\n`)
  }

  #tokenize({ body, json }: DoubleCall): void {
    if (!this.#knows(body.model)) {
      json(404, this.#notFound(body.model))
      return
    }
    const count = this.#inputTokens(body)
    const tokens = Array.from({ length: count }, (_, index) => index)
    json(200, { count, max_model_len: this.#maxModelLen, tokens, token_strs: null })
  }

  async #generate(path: string, call: DoubleCall): Promise<void> {
    const body: Choosing = call.body
    const busy = {
      status: 503,
      body: errorBody('Service Unavailable', 'ServiceUnavailableError', 503),
    }
    await call.answering(busy, async () => {
      if (!this.#knows(body.model)) {
        call.json(404, this.#notFound(body.model))
        return
      }
      const input = this.#inputTokens(body)
      const asked = body.max_completion_tokens ?? body.max_tokens ?? undefined
      if (input + (asked ?? 1) > this.#maxModelLen) {
        call.json(400, this.#tooLong(input, asked ?? 1))
        return
      }
      this.#promptTokens += input
      if (path === '/v1/embeddings') this.#embed(body, input, call)
      else await this.#complete(path, body, input, call)
    })
  }

  async #complete(path: string, body: Choosing, input: number, call: DoubleCall): Promise<void> {
    const { response, control } = call
    const isChat = path === '/v1/chat/completions'
    const begun = isChat ? this.#begunChat(body) : begunText(body.prompt)
    if (typeof begun === 'string') {
      call.json(400, errorBody(begun, 'BadRequestError', 400))
      return
    }
    const asked = body.max_completion_tokens ?? body.max_tokens ?? this.#maxModelLen - input
    const left = Math.max(control.tokens - begun, 0)
    const tokens = Math.min(asked, left)
    const finish = asked < left ? 'length' : 'stop'
    const head = {
      id: `${isChat ? 'chatcmpl' : 'cmpl'}-${(++this.#ids).toString(16).padStart(32, '0')}`,
      object: isChat ? 'chat.completion.chunk' : 'text_completion',
      created: CREATED,
      model: this.#model,
    }
    const usageOf = (output: number): object => ({
      prompt_tokens: input,
      total_tokens: input + output,
      completion_tokens: control.fault === 'absurd-usage' ? output * 1_000_000 : output,
    })
    const continuous = body.stream_options?.continuous_usage_stats === true
    const chunk = (choices: object[], more: object = {}): string =>
      `data: ${JSON.stringify({ ...head, choices, ...more })}\n\n`
    const events = (from: number, to: number): string => {
      let text = ''
      for (let n = from; n < to; n++) {
        const last = n === tokens - 1
        const token = tokenAt(begun + n)
        const choice = {
          index: 0,
          ...(isChat ? { delta: { content: token } } : { text: token }),
          logprobs: logprobsOf(body.logprobs, isChat, token),
          finish_reason: last ? finish : null,
          stop_reason: null,
        }
        text += chunk([choice], continuous ? { usage: usageOf(n + 1) } : {})
      }
      return text
    }
    if (body.stream !== true) {
      const text = Array.from({ length: tokens }, (_, n) => tokenAt(begun + n)).join('')
      const said = isChat ? { message: { role: 'assistant', content: text } } : { text }
      const choices = [{ index: 0, ...said, logprobs: null, finish_reason: finish }]
      call.json(200, { ...head, choices, usage: usageOf(tokens) })
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    response.flushHeaders()
    const role = {
      index: 0,
      delta: { role: 'assistant', content: '' },
      logprobs: null,
      finish_reason: null,
    }
    if (isChat) response.write(chunk([role]))
    const error = (message: string): string =>
      `data: ${JSON.stringify(errorBody(message, 'InternalServerError', 500))}\n\ndata: [DONE]\n\n`
    if (!(await call.paced(tokens, { events, error }))) return
    // Nothing was left to say.
    if (tokens === 0) {
      const choice = { index: 0, ...(isChat ? { delta: {} } : { text: '' }), finish_reason: finish }
      response.write(chunk([choice]))
    }
    this.#generatedTokens += tokens
    const tells = body.stream_options?.include_usage === true && control.fault !== 'no-usage'
    response.end(`${tells ? chunk([], { usage: usageOf(tokens) }) : ''}data: [DONE]\n\n`)
  }

  /** Tokens of the answer that a request goes on with; what is wrong with it, in words. */
  #begunChat(body: Choosing): number | string {
    if (body.continue_final_message !== true) return 0
    if (body.add_generation_prompt !== false)
      return 'Cannot set both `continue_final_message` and `add_generation_prompt` to True.'
    const messages = body.messages as readonly { role?: unknown; content?: unknown }[]
    const { role, content } = messages.at(-1) ?? {}
    if (role !== 'assistant' || typeof content !== 'string')
      return 'continue_final_message is set but the final message is not from the assistant'
    const begun = begunText(content)
    // Another model would go on with anything; this one tells when it is given what it never said.
    return answerText(begun) === content ? begun : `not the beginning of an answer: ${content}`
  }

  #embed(body: Choosing, input: number, call: DoubleCall): void {
    const texts: unknown[] = Array.isArray(body.input) ? body.input : [body.input]
    const data = texts.map((text, index) => {
      const row = Array.from({ length: this.#dimensions }, (_, n) =>
        Math.fround((wordsIn(text) + n) / 128),
      )
      const embedding =
        body.encoding_format === 'base64'
          ? Buffer.from(Float32Array.from(row).buffer).toString('base64')
          : row
      return { index, object: 'embedding', embedding }
    })
    const usage = {
      prompt_tokens: input,
      total_tokens: input,
      completion_tokens: 0,
      prompt_tokens_details: null,
    }
    const head = { id: `embd-${++this.#ids}`, object: 'list', created: CREATED, model: this.#model }
    call.json(200, { ...head, data, ...(call.control.fault === 'no-usage' ? {} : { usage }) })
  }

  #inputTokens(body: Choosing): number {
    // The template opens the answer with three tokens.
    if (body.messages !== undefined) return tokensOfMessages(body.messages) + 3
    const source = body.prompt ?? body.input
    const texts: unknown[] = Array.isArray(source) ? source : [source]
    if (typeof texts[0] === 'number') return texts.length
    // Each with a token that begins it.
    return texts.reduce<number>((sum, text) => sum + 1 + wordsIn(text), 0)
  }

  #knows(model: unknown): boolean {
    return model === undefined || model === this.#model
  }

  #notFound(model: unknown): object {
    return errorBody(
      `The model \`${String(model)}\` does not exist.`,
      'NotFoundError',
      404,
      'model',
    )
  }

  #tooLong(input: number, asked: number): object {
    const max = this.#maxModelLen
    const message =
      input >= max
        ? `This model's maximum context length is ${max} tokens. However, your request has ${input} input tokens. Please reduce the length of the input messages.`
        : `'max_tokens' or 'max_completion_tokens' is too large: ${asked}. This model's maximum context length is ${max} tokens and your request has ${input} input tokens (${asked} > ${max} - ${input}).`
    return errorBody(message, 'BadRequestError', 400)
  }
}

const tokenAt = (n: number): string => ` t${n}`

/** The first tokens of every answer. */
export function answerText(tokens: number): string {
  return Array.from({ length: tokens }, (_, n) => tokenAt(n)).join('')
}

/** Tokens of an answer at the end of a text. */
function begunText(text: unknown): number {
  const last = typeof text === 'string' ? /(?: t\d+)* t(\d+)$/u.exec(text)?.[1] : undefined
  const tokens = last === undefined ? 0 : Number(last) + 1
  return typeof text === 'string' && text.endsWith(answerText(tokens)) ? tokens : 0
}

function errorBody(
  message: string,
  type: string,
  code: number,
  param: string | null = null,
): object {
  return { error: { message, type, param, code } }
}

function logprobsOf(asked: unknown, isChat: boolean, token: string): object | null {
  if (asked === undefined || asked === null || asked === false) return null
  if (!isChat)
    return {
      tokens: [token],
      token_logprobs: [-0.25],
      top_logprobs: [{ [token]: -0.25 }],
      text_offset: [0],
    }
  return { content: [{ token, logprob: -0.25, bytes: [...Buffer.from(token)], top_logprobs: [] }] }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      model: { type: 'string' },
      tokens: { type: 'string' },
      'tokens-per-second': { type: 'string' },
      'max-model-len': { type: 'string' },
    },
  })
  const port = numberOption(values.port)
  const tokens = numberOption(values.tokens)
  const tokensPerSecond = numberOption(values['tokens-per-second'])
  const maxModelLen = numberOption(values['max-model-len'])
  const double = await startVllmDouble({
    ...(port === undefined ? {} : { port }),
    ...(values.model === undefined ? {} : { model: values.model }),
    ...(tokens === undefined ? {} : { tokens }),
    ...(tokensPerSecond === undefined ? {} : { tokensPerSecond }),
    ...(maxModelLen === undefined ? {} : { maxModelLen }),
  })
  await runDouble(double)
}
