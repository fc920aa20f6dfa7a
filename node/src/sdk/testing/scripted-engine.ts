import type {
  Engine,
  EngineEvent,
  EngineHealth,
  EngineModel,
  EngineRequest,
} from '../../engine/index.ts'

const INPUT_TOKENS = 5

/** Says words for as long as it is asked to, one in each turn of the event loop. */
export class ScriptedEngine implements Engine {
  readonly name = 'scripted'
  readonly #model: string
  readonly #digest: string | null
  /** Breaks every answer after so many words. */
  breaksAfter: number | undefined
  /** Answers that are being made. */
  running = 0

  /** @param digest of the weights that it claims to run */
  constructor(model: string, digest: string | null = null) {
    this.#model = model
    this.#digest = digest
  }

  async health(): Promise<EngineHealth> {
    return { ready: true, message: 'ready', models: [{ id: this.#model, state: 'loaded' }] }
  }

  async models(): Promise<EngineModel[]> {
    const capabilities = ['chat', 'completion', 'embedding', 'continuation']
    const nothing = { digest: this.#digest, quantization: null }
    return [{ id: this.#model, contextLength: 100_000, capabilities, ...nothing }]
  }

  async countInputTokens(): Promise<number> {
    return INPUT_TOKENS
  }

  /** What it says in so many tokens. */
  text(tokens: number): string {
    return Array.from({ length: tokens }, (_, index) => `w${index} `).join('')
  }

  vector(index: number): number[] {
    return [index, 0.5, -1]
  }

  async *run(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EngineEvent[]> {
    this.running++
    try {
      yield [{ type: 'start', inputTokens: INPUT_TOKENS }]
      if (request.kind === 'embedding') yield this.#embeddings(request)
      else yield* this.#words(request, signal)
      const usage = { inputTokens: INPUT_TOKENS, outputTokens: request.maxOutputTokens }
      const finishReason = 'stop'
      yield [{ type: 'end', finishReason, usage: { ...usage, cachedInputTokens: 0 } }]
    } finally {
      this.running--
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async *#words(
    { kind, maxOutputTokens }: EngineRequest,
    signal: AbortSignal,
  ): AsyncGenerator<EngineEvent[]> {
    for (let word = 0; word < maxOutputTokens; word++) {
      if (signal.aborted) return
      if (word === this.breaksAfter) throw new Error('as it was told to')
      yield [{ type: 'delta', tokens: 1, payload: chunk(kind, `w${word} `) }]
      await new Promise((resolve) => setImmediate(resolve))
    }
    yield [{ type: 'delta', tokens: 0, payload: chunk(kind, '', 'stop') }]
  }

  #embeddings({ body }: EngineRequest): EngineEvent[] {
    const { input } = JSON.parse(new TextDecoder().decode(body)) as { input: string[] }
    const data = input.map((_, index) => ({
      object: 'embedding',
      index,
      embedding: this.vector(index),
    }))
    const usage = { prompt_tokens: INPUT_TOKENS, total_tokens: INPUT_TOKENS }
    return [{ type: 'delta', tokens: 0, payload: encode({ object: 'list', data, usage }) }]
  }
}

function chunk(kind: EngineRequest['kind'], text: string, finish: string | null = null) {
  const said = kind === 'chat' ? { delta: { content: text } } : { text }
  const object = kind === 'chat' ? 'chat.completion.chunk' : 'text_completion'
  const choices = [{ index: 0, ...said, finish_reason: finish }]
  return encode({ id: 'x', object, created: 1, model: 'scripted', choices })
}

function encode(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}
