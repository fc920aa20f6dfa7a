import { connect, type Socket } from 'node:net'
import { HttpAnswer } from './http-answer.ts'
import { StreamedAnswer, type StubAnswer, WholeAnswer } from './stub-answer.ts'

export interface ChatOptions {
  readonly tokens: number
  /** Asks the stub to pace this answer; it comes as fast as it can when left out. */
  readonly tokensPerSecond?: number
  /** In events, which is the default, or in one piece. */
  readonly stream?: boolean
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

/** A request under way. */
export interface Asked {
  readonly firstToken: Promise<void>
  readonly whole: Promise<TimedAnswer>
  /** Closes the connection at once, as a client does that no longer wants the answer; neither promise settles any more. */
  leave(): void
}

/** What one read takes out of a socket: as much as Node itself reads. */
const READ_BYTES = 64 * 1024
/** A connection that rested longer is not used again: servers of Node close theirs after 5 s, and it may be just then. */
const REST_MS = 2_000

/**
 * The one client of all sides: keep-alive HTTP on bare sockets, and a search for bytes in place of a JSON parser, so that it
 * takes little of the machine it shares with what it measures. It still sees that every token of the stub comes, once, and in
 * order.
 */
export class LoadClient implements Asker {
  readonly #url: URL
  readonly #model: string
  readonly #headers: string
  readonly #idle: { readonly connection: Connection; readonly since: number }[] = []
  readonly #all = new Set<Connection>()

  /** `baseUrl` is up to and with `/v1`. */
  constructor(baseUrl: string, model: string, headers: Readonly<Record<string, string>> = {}) {
    this.#url = new URL(`${baseUrl}/chat/completions`)
    this.#model = model
    this.#headers = Object.entries({
      host: this.#url.host,
      accept: '*/*',
      'content-type': 'application/json',
      ...headers,
    })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')
  }

  /** @throws {Error} when the answer is not whole, to the token */
  async ask(options: ChatOptions): Promise<TimedAnswer> {
    return await this.begin(options).whole
  }

  begin(options: ChatOptions): Asked {
    const connection = this.#rested() ?? this.#connect()
    const { tokens, stream = true } = options
    const exchange = new Exchange(stream ? new StreamedAnswer(tokens) : new WholeAnswer(tokens))
    exchange.onDone = (keepAlive) => {
      if (keepAlive) this.#idle.push({ connection, since: performance.now() })
      else connection.close()
    }
    connection.exchange(exchange, this.#request(options))
    return {
      firstToken: exchange.firstToken.promise,
      whole: exchange.whole.promise,
      leave: () => connection.close(),
    }
  }

  close(): void {
    for (const connection of this.#all) connection.close()
  }

  #rested(): Connection | undefined {
    const last = this.#idle.pop()
    if (last === undefined || performance.now() - last.since < REST_MS) return last?.connection
    // The others rest longer still.
    for (const { connection } of [last, ...this.#idle.splice(0)]) connection.close()
    return undefined
  }

  #connect(): Connection {
    const connection = new Connection(Number(this.#url.port), this.#url.hostname)
    this.#all.add(connection)
    connection.onClosed = () => {
      this.#all.delete(connection)
      const at = this.#idle.findIndex((idle) => idle.connection === connection)
      if (at >= 0) this.#idle.splice(at, 1)
    }
    return connection
  }

  #request({ tokens, tokensPerSecond, stream = true }: ChatOptions): string {
    // The pace is in the prompt: a gateway may drop fields that are not OpenAI's.
    const pace = tokensPerSecond === undefined ? '' : ` tokens_per_second=${tokensPerSecond}`
    const body = JSON.stringify({
      model: this.#model,
      messages: [{ role: 'user', content: `Tell me a story about a baker and a cat.${pace}` }],
      max_tokens: tokens,
      ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
    })
    return `POST ${this.#url.pathname} HTTP/1.1\r\n${this.#headers}content-length: ${body.length}\r\n\r\n${body}`
  }
}

/** One request and its answer. */
class Exchange {
  readonly firstToken = Promise.withResolvers<void>()
  readonly whole = Promise.withResolvers<TimedAnswer>()
  onDone: (keepAlive: boolean) => void = () => {}
  readonly #answer: StubAnswer
  readonly #http = new HttpAnswer((bytes) => this.#onBody(bytes))
  readonly #started = performance.now()
  readonly #gapsMs: number[] = []
  #firstTokenMs = Number.NaN
  #last = Number.NaN
  #refusal = ''

  constructor(answer: StubAnswer) {
    this.#answer = answer
    this.firstToken.promise.catch(() => {})
    this.whole.promise.catch(() => {})
  }

  /** @returns whether this was its end */
  push(bytes: Buffer): boolean {
    this.#http.push(bytes)
    if (!this.#http.done) return false
    if (this.#refusal !== '') throw new Error(`${this.#http.status}: ${this.#refusal}`)
    this.#answer.assertWhole()
    this.onDone(this.#http.keepAlive)
    this.whole.resolve({
      firstTokenMs: this.#firstTokenMs,
      totalMs: performance.now() - this.#started,
      gapsMs: this.#gapsMs,
    })
    return true
  }

  fail(error: Error): void {
    this.firstToken.reject(error)
    this.whole.reject(error)
  }

  #onBody(bytes: Buffer): void {
    if (this.#http.status !== 200) {
      this.#refusal += bytes.toString('latin1')
      return
    }
    const before = this.#answer.tokens
    this.#answer.push(bytes)
    if (this.#answer.tokens > before) this.#onTokens(before)
  }

  #onTokens(before: number): void {
    const now = performance.now()
    if (before === 0) {
      this.#firstTokenMs = now - this.#started
      this.firstToken.resolve()
    }
    // Tokens that come together have no time between them, but for the first one.
    for (let n = before; n < this.#answer.tokens; n++) {
      if (n > 0) this.#gapsMs.push(n === before ? now - this.#last : 0)
    }
    this.#last = now
  }
}

/** A socket that carries one exchange at a time. */
class Connection {
  onClosed: () => void = () => {}
  readonly #socket: Socket
  #exchange: Exchange | undefined

  constructor(port: number, host: string) {
    this.#socket = connect({
      port,
      host,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (count, buffer) => {
          this.#onBytes(buffer as Buffer, count)
          return true
        },
      },
    })
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.once('close', () => {
      this.#fail(new Error('the connection was closed before the answer’s end'))
      this.onClosed()
    })
  }

  exchange(exchange: Exchange, request: string): void {
    this.#exchange = exchange
    this.#socket.write(request, 'latin1')
  }

  close(): void {
    this.#exchange = undefined
    this.#socket.destroy()
  }

  #onBytes(buffer: Buffer, count: number): void {
    const exchange = this.#exchange
    if (exchange === undefined) return
    try {
      if (exchange.push(buffer.subarray(0, count))) this.#exchange = undefined
    } catch (error) {
      this.#fail(error as Error)
      this.#socket.destroy()
    }
  }

  #fail(error: Error): void {
    this.#exchange?.fail(error)
    this.#exchange = undefined
  }
}
