import { Agent, type IncomingMessage, request } from 'node:http'

export interface ChatOptions {
  readonly tokens: number
  /** Asks the stub to pace this answer; it comes as fast as it can when left out. */
  readonly tokensPerSecond?: number
}

export interface TimedAnswer {
  /** From the call to the first token. */
  readonly firstTokenMs: number
  readonly totalMs: number
  /** Time between a token and the one before it, as they came out of the socket. */
  readonly gapsMs: readonly number[]
}

/** Whatever answers a chat of so many tokens. */
export interface Asker {
  ask(options: ChatOptions): Promise<TimedAnswer>
}

/** More than any event of the stub, so that a stream without event ends does not grow for ever. */
const EVENT_CHARS_MAX = 64 * 1024

/**
 * The one client of both sides: keep-alive HTTP, and a counter in place of a JSON parser, so that it takes little of the
 * machine it shares with what it measures. It still sees that every token of the stub comes, once, and in order.
 */
export class ChatClient implements Asker {
  readonly #url: URL
  readonly #model: string
  readonly #agent: Agent

  constructor(baseUrl: string, model: string, socketsMax: number) {
    this.#url = new URL(`${baseUrl}/chat/completions`)
    this.#model = model
    this.#agent = new Agent({ keepAlive: true, maxSockets: socketsMax })
  }

  /** @throws {Error} when the answer is not whole, to the token */
  async ask({ tokens, tokensPerSecond }: ChatOptions): Promise<TimedAnswer> {
    const body = JSON.stringify({
      model: this.#model,
      messages: [{ role: 'user', content: 'Tell me a story about a baker and a cat.' }],
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: tokens,
      ...(tokensPerSecond === undefined ? {} : { tokens_per_second: tokensPerSecond }),
    })
    const started = performance.now()
    const response = await this.#post(body)
    const counter = new TokenCounter()
    const gapsMs: number[] = []
    let firstTokenMs = Number.NaN
    let last = Number.NaN
    await read(response, (text) => {
      const before = counter.tokens
      counter.push(text)
      if (counter.tokens === before) return
      const now = performance.now()
      if (before === 0) firstTokenMs = now - started
      // Tokens that come together have no time between them, but for the first one.
      for (let n = before; n < counter.tokens; n++) {
        if (n > 0) gapsMs.push(n === before ? now - last : 0)
      }
      last = now
    })
    counter.assertWhole(tokens)
    return { firstTokenMs, totalMs: performance.now() - started, gapsMs }
  }

  close(): void {
    this.#agent.destroy()
  }

  async #post(body: string): Promise<IncomingMessage> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = request(
        this.#url,
        {
          method: 'POST',
          agent: this.#agent,
          headers: {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
          },
        },
        resolve,
      )
      outgoing.once('error', reject)
      outgoing.end(body)
    })
    if (response.statusCode === 200) return response
    let text = ''
    await read(response, (piece) => {
      text += piece
    })
    throw new Error(`${this.#url.host} answered ${response.statusCode}: ${text.slice(0, 500)}`)
  }
}

/** Counts the stub's tokens in a stream of events, and knows when one is missing. */
class TokenCounter {
  tokens = 0
  #rest = ''
  #finished = false
  #usage = ''
  #done = false

  push(text: string): void {
    const events = (this.#rest + text).split('\n\n')
    this.#rest = events.pop() ?? ''
    if (this.#rest.length > EVENT_CHARS_MAX) throw new Error('an event without an end')
    for (const event of events) this.#onEvent(event)
  }

  assertWhole(expected: number): void {
    if (this.tokens !== expected) throw new Error(`${this.tokens} tokens in place of ${expected}`)
    if (!this.#usage.includes(`"completion_tokens":${expected},`))
      throw new Error(`no usage of ${expected} tokens`)
    if (!this.#finished || !this.#done || this.#rest !== '') throw new Error('the answer broke off')
  }

  #onEvent(event: string): void {
    if (event.includes(`"content":" t${this.tokens}"`)) this.tokens++
    else if (event === 'data: [DONE]') this.#done = true
    else if (event.includes('"finish_reason":"length"')) this.#finished = true
    else if (event.includes('"usage":')) this.#usage = event
    else if (!event.includes('"role":"assistant"'))
      throw new Error(`not token ${this.tokens}: ${event.slice(0, 500)}`)
  }
}

async function read(response: IncomingMessage, onText: (text: string) => void): Promise<void> {
  response.setEncoding('utf8')
  await new Promise<void>((resolve, reject) => {
    response.on('data', (text: string) => {
      try {
        onText(text)
      } catch (error) {
        response.destroy(error as Error)
      }
    })
    response.once('end', resolve)
    response.once('error', reject)
  })
}
