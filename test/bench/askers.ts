import type { Consumer, Engine } from '@hanse/node'
import type { Asker, ChatOptions, TimedAnswer } from './load-client.ts'

/** Asks on the market, as a gateway does, without the gateway. */
export class MarketAsker implements Asker {
  readonly #consumer: Consumer
  readonly #model: string

  constructor(consumer: Consumer, model: string) {
    this.#consumer = consumer
    this.#model = model
  }

  async ask({ tokens }: ChatOptions): Promise<TimedAnswer> {
    const started = performance.now()
    const answer = await this.#consumer.request(
      {
        kind: 'chat',
        model: this.#model,
        body: bodyOf(this.#model, tokens),
        maxOutputTokens: tokens,
        policy: {},
      },
      { signal: new AbortController().signal },
    )
    const clock = new TokenClock(started)
    for await (const payloads of answer.payloads) clock.tick(payloads.filter(hasText).length)
    // The session is over for the consumer with its last countersignature, which also says how many tokens they were:
    // a character of several tokens comes in one chunk.
    const { last } = await answer.outcome
    return clock.timed(tokens, Number(last?.outputTokens))
  }
}

/** Asks an engine of this process. */
export class EngineAsker implements Asker {
  readonly #engine: Engine
  readonly #model: string

  constructor(engine: Engine, model: string) {
    this.#engine = engine
    this.#model = model
  }

  async ask({ tokens }: ChatOptions): Promise<TimedAnswer> {
    const clock = new TokenClock(performance.now())
    const answer = this.#engine.run(
      {
        kind: 'chat',
        model: this.#model,
        body: bodyOf(this.#model, tokens),
        maxOutputTokens: tokens,
      },
      new AbortController().signal,
    )
    let given = 0
    for await (const events of answer) {
      for (const event of events) {
        if (event.type !== 'delta') continue
        clock.tick(event.tokens)
        given += event.tokens
      }
    }
    return clock.timed(tokens, given)
  }
}

class TokenClock {
  readonly #started: number
  readonly #gapsMs: number[] = []
  #firstTokenMs = Number.NaN
  #last = Number.NaN

  constructor(started: number) {
    this.#started = started
  }

  tick(tokens: number): void {
    if (tokens === 0) return
    const now = performance.now()
    if (Number.isNaN(this.#last)) this.#firstTokenMs = now - this.#started
    else this.#gapsMs.push(now - this.#last)
    this.#last = now
  }

  timed(expected: number, given: number): TimedAnswer {
    if (given !== expected) throw new Error(`${given} tokens in place of ${expected}`)
    const totalMs = performance.now() - this.#started
    return { firstTokenMs: this.#firstTokenMs, totalMs, gapsMs: this.#gapsMs }
  }
}

const CONTENT = Buffer.from('"content":"')
const QUOTE = '"'.charCodeAt(0)

/** The chunks with the role and with the usage have none. */
function hasText(payload: Uint8Array): boolean {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  const at = bytes.indexOf(CONTENT)
  return at >= 0 && bytes[at + CONTENT.byteLength] !== QUOTE
}

function bodyOf(model: string, tokens: number): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify({
      model,
      messages: [{ role: 'user', content: 'Tell me a story about a baker and a cat.' }],
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: tokens,
      // The same answer each time, and to its limit.
      temperature: 0,
    }),
  )
}
