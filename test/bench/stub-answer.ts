/** What a client makes of the engine stub's answer to one request. */
export interface StubAnswer {
  /** Seen so far. */
  readonly tokens: number
  /** @throws {Error} when a token is missing, doubled or not the stub's */
  push(bytes: Buffer): void
  /** @throws {Error} when the answer is not whole, to the token */
  assertWhole(): void
}

const TOKEN = Buffer.from('"content":" t')
const EVENT_END = Buffer.from('\n\n')
const QUOTE = '"'.charCodeAt(0)
const ZERO = '0'.charCodeAt(0)

/** More than any event of the stub, so that a stream without event ends does not grow for ever. */
const EVENT_BYTES_MAX = 64 * 1024

/** Counts tokens in a stream of events by looking for their bytes: no event is parsed, and yet each is seen, once and in order. */
export class StreamedAnswer implements StubAnswer {
  tokens = 0
  readonly #expected: number
  #rest = Buffer.alloc(0)
  /** All that came after the last token. */
  #end = ''

  constructor(expected: number) {
    this.#expected = expected
  }

  push(bytes: Buffer): void {
    const all = this.#rest.byteLength === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    const end = all.lastIndexOf(EVENT_END) + EVENT_END.byteLength
    if (end < EVENT_END.byteLength) this.#keep(all)
    else {
      this.#scan(all.subarray(0, end))
      this.#keep(all.subarray(end))
    }
  }

  assertWhole(): void {
    const { tokens } = this
    if (tokens !== this.#expected) throw new Error(`${tokens} tokens in place of ${this.#expected}`)
    if (!this.#end.includes('"finish_reason":"length"')) throw new Error('no finish')
    if (!this.#end.includes(`"completion_tokens":${tokens},`))
      throw new Error(`no usage of ${tokens} tokens`)
    if (!this.#end.endsWith('data: [DONE]\n\n') || this.#rest.byteLength > 0)
      throw new Error('the answer broke off')
  }

  #scan(events: Buffer): void {
    let at = 0
    for (let hit = events.indexOf(TOKEN); hit >= 0; hit = events.indexOf(TOKEN, at)) {
      at = hit + TOKEN.byteLength
      let n = 0
      for (; events[at] !== QUOTE && at < events.byteLength; at++)
        n = n * 10 + (events[at] ?? ZERO) - ZERO
      if (n !== this.tokens) throw new Error(`token ${n} in place of ${this.tokens}`)
      this.tokens++
    }
    if (this.tokens >= this.#expected) this.#end += events.toString('latin1', at)
  }

  #keep(rest: Buffer): void {
    if (rest.byteLength > EVENT_BYTES_MAX) throw new Error('an event without an end')
    // A copy: the socket's buffer is filled again.
    this.#rest = rest.byteLength === 0 ? Buffer.alloc(0) : Buffer.from(rest)
  }
}

/** An answer in one piece. */
export class WholeAnswer implements StubAnswer {
  tokens = 0
  readonly #expected: number
  #text = ''

  constructor(expected: number) {
    this.#expected = expected
  }

  push(bytes: Buffer): void {
    this.#text += bytes.toString('latin1')
    if (this.tokens === 0 && this.#text.includes(`"completion_tokens":${this.#expected},`))
      this.tokens = this.#expected
  }

  assertWhole(): void {
    let content = ''
    for (let n = 0; n < this.#expected; n++) content += ` t${n}`
    if (this.tokens !== this.#expected || !this.#text.includes(`"content":"${content}"`))
      throw new Error(`not the answer of ${this.#expected} tokens: ${this.#text.slice(0, 500)}`)
  }
}
