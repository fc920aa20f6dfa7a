import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'

export interface EngineStubOptions {
  /** 0 takes a free one. */
  readonly port?: number
  readonly model?: string
  /** Tokens of an answer whose request sets no limit. */
  readonly tokens?: number
  /** Pace of each stream; as fast as the socket takes them when left out. A request may say `tokens_per_second` itself. */
  readonly tokensPerSecond?: number
  /** How many an unpaced stream puts into one chunk of HTTP: all that go out together when left out, 1 as most engines do. */
  readonly tokensPerChunk?: number
  /** Told as a chat begins, and when its answer has ended or its client is gone. */
  readonly onChat?: (chat: StubChat) => void
  /** Silence before the first token. */
  readonly firstTokenMs?: number
  /** Cuts the connection after this many tokens. */
  readonly failAfter?: number
  /** Refuses every chat with this HTTP status. */
  readonly status?: number
}

export interface StubChat {
  readonly id: string
  readonly state: 'begun' | 'ended' | 'aborted'
  readonly paced: boolean
}

export interface EngineStub extends AsyncDisposable {
  /** Up to and with `/v1`. */
  readonly url: string
  /** Chats asked for so far. */
  readonly requests: number
  /** Chats whose client went away before their end. */
  readonly aborted: number
  close(): Promise<void>
}

interface ChatBody {
  readonly stream?: boolean
  readonly stream_options?: { readonly include_usage?: boolean }
  readonly max_tokens?: number
  readonly max_completion_tokens?: number
  /** Not of OpenAI's: paces this answer alone, in place of the stub's own pace. So does `tokens_per_second=N` in the last message. */
  readonly tokens_per_second?: number
  readonly messages?: readonly { readonly content?: unknown }[]
}

const TOKENS = 64
/** Sent together by an unpaced stream: some 12 KiB, below the 16 KiB at which a response asks to wait. */
const TOKENS_TOGETHER = 64
const PACE = /\btokens_per_second=(\d+)/u
const CREATED = 1_700_000_000

/** A deterministic OpenAI-compatible engine on 127.0.0.1: its n-th token is ` tn`. */
export async function startEngineStub(options: EngineStubOptions = {}): Promise<EngineStub> {
  const counts = { requests: 0, aborted: 0 }
  const server = createServer((request, response) => {
    answer(request, response, options, counts).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined)
    })
  })
  server.keepAliveTimeout = 60_000
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  return {
    url: `http://127.0.0.1:${port}/v1`,
    get requests() {
      return counts.requests
    },
    get aborted() {
      return counts.aborted
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: EngineStubOptions,
  counts: { requests: number; aborted: number },
): Promise<void> {
  const { model = 'stub-model' } = options
  const route = `${request.method} ${request.url}`
  if (route === 'GET /v1/models') {
    sendJson(response, 200, { object: 'list', data: [{ id: model, object: 'model' }] })
    return
  }
  if (route !== 'POST /v1/chat/completions') {
    sendJson(response, 404, errorBody(`no route ${route}`))
    return
  }
  const id = `chatcmpl-${++counts.requests}`
  let cutByUs = false
  let paced = options.tokensPerSecond !== undefined
  response.once('close', () => {
    const aborted = !response.writableFinished && !cutByUs
    if (aborted) counts.aborted++
    options.onChat?.({ id, state: aborted ? 'aborted' : 'ended', paced })
  })
  const body = await readBody(request)
  if (body === undefined) {
    sendJson(response, 400, errorBody('the body is no JSON object'))
    return
  }
  if (options.status !== undefined) {
    sendJson(response, options.status, errorBody('the stub refuses'))
    return
  }
  const chat = new ChatAnswer(id, model, body, options)
  paced = chat.tokensPerSecond !== undefined
  options.onChat?.({ id, state: 'begun', paced })
  const whole = body.stream === true ? await chat.stream(response) : await chat.sendAtOnce(response)
  if (whole) return
  cutByUs = !response.destroyed
  response.destroy()
}

class ChatAnswer {
  readonly #options: EngineStubOptions
  readonly #id: string
  readonly #model: string
  readonly #includeUsage: boolean
  readonly #tokens: number
  readonly tokensPerSecond: number | undefined
  readonly #finishReason: 'length' | 'stop'
  readonly #usage: Readonly<Record<string, number>>

  constructor(id: string, model: string, body: ChatBody, options: EngineStubOptions) {
    const limit = body.max_completion_tokens ?? body.max_tokens
    this.#options = options
    this.#id = id
    this.#model = model
    this.#includeUsage = body.stream_options?.include_usage === true
    this.#tokens = limit ?? options.tokens ?? TOKENS
    this.tokensPerSecond = body.tokens_per_second ?? paceIn(body) ?? options.tokensPerSecond
    this.#finishReason = limit === undefined ? 'stop' : 'length'
    const promptTokens = countWords(body)
    this.#usage = {
      prompt_tokens: promptTokens,
      completion_tokens: this.#tokens,
      total_tokens: promptTokens + this.#tokens,
    }
  }

  /** @returns whether the answer is whole */
  async stream(response: ServerResponse): Promise<boolean> {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    const head = this.#chunk([choice({ role: 'assistant', content: '' })])
    // The text around a token is the same for all, so that making one costs nearly nothing.
    const [before = '', after = ''] = this.#chunk([choice({ content: '\u0000' })]).split('\\u0000')
    response.write(head)
    const { tokensPerChunk = TOKENS_TOGETHER } = this.#options
    const whole = await this.#paced(response, (from, to) => {
      let more = true
      for (let n = from; n < to; ) {
        let events = ''
        for (const end = Math.min(n + tokensPerChunk, to); n < end; n++)
          events += `${before} t${n}${after}`
        more = response.write(events)
      }
      return more
    })
    if (!whole) return false
    const usage = this.#includeUsage ? this.#chunk([], { usage: this.#usage }) : ''
    response.end(`${this.#chunk([choice({}, this.#finishReason)])}${usage}data: [DONE]\n\n`)
    return true
  }

  /** @returns whether the answer is whole */
  async sendAtOnce(response: ServerResponse): Promise<boolean> {
    let content = ''
    const whole = await this.#paced(response, (from, to) => {
      for (let n = from; n < to; n++) content += ` t${n}`
      return true
    })
    if (!whole) return false
    const message = { role: 'assistant', content, refusal: null }
    sendJson(response, 200, {
      ...this.#head('chat.completion'),
      choices: [{ index: 0, message, logprobs: null, finish_reason: this.#finishReason }],
      usage: this.#usage,
    })
    return true
  }

  /** Emits tokens `from`…`to` as they fall due, until all are out, the client is gone or the stub is to fail. */
  async #paced(
    response: ServerResponse,
    emit: (from: number, to: number) => boolean,
  ): Promise<boolean> {
    const { firstTokenMs = 0, failAfter = Number.POSITIVE_INFINITY } = this.#options
    const { tokensPerSecond } = this
    const last = Math.min(this.#tokens, failAfter)
    if (firstTokenMs > 0) await sleep(firstTokenMs)
    const started = performance.now()
    for (let sent = 0; sent < last && !response.destroyed; ) {
      if (tokensPerSecond !== undefined) {
        const wait = started + (sent * 1000) / tokensPerSecond - performance.now()
        if (wait > 0) await sleep(wait)
        if (response.destroyed) break
      }
      const due =
        tokensPerSecond === undefined
          ? sent + TOKENS_TOGETHER
          : 1 + Math.floor(((performance.now() - started) * tokensPerSecond) / 1000)
      const to = Math.min(Math.max(due, sent + 1), last)
      const more = emit(sent, to)
      sent = to
      if (!more) await drained(response)
      else if (tokensPerSecond === undefined) await nextTurn()
    }
    return !response.destroyed && this.#tokens <= failAfter
  }

  #head(object: string): Record<string, unknown> {
    return { id: this.#id, object, created: CREATED, model: this.#model }
  }

  #chunk(choices: readonly unknown[], more: object = {}): string {
    return `data: ${JSON.stringify({ ...this.#head('chat.completion.chunk'), choices, ...more })}\n\n`
  }
}

function choice(delta: object, finishReason: string | null = null): object {
  return { index: 0, delta, logprobs: null, finish_reason: finishReason }
}

/** Resolves when the client has read on, or is gone. */
async function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}

function paceIn({ messages }: ChatBody): number | undefined {
  const content = messages?.at(-1)?.content
  const pace = typeof content === 'string' ? PACE.exec(content)?.[1] : undefined
  return pace === undefined ? undefined : Number(pace)
}

function countWords({ messages = [] }: ChatBody): number {
  const words = messages.flatMap(({ content }) =>
    typeof content === 'string' ? content.split(/\s+/u).filter((word) => word !== '') : [],
  )
  return Math.max(1, words.length)
}

async function readBody(request: IncomingMessage): Promise<ChatBody | undefined> {
  const parts: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
  try {
    const body: unknown = JSON.parse(Buffer.concat(parts).toString())
    return typeof body === 'object' && body !== null ? body : undefined
  } catch {
    return undefined
  }
}

function errorBody(message: string): object {
  return { error: { message, type: 'stub_error', code: null, param: null } }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  const bytes = Buffer.from(JSON.stringify(body))
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': bytes.byteLength,
  })
  response.end(bytes)
}
