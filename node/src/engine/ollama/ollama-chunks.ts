import { utf8Length } from '@hanse/protocol'
import type { EngineUsage, RequestKind } from '../engine.ts'
import { encodeJson, isJsonObject, type JsonObject, numberIn, stringIn } from '../json.ts'

/** The same in every chunk of an answer. */
export interface ChunkHead {
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
  readonly model: string
}

export interface Said {
  readonly text: string
  readonly thought: string
  readonly calls: readonly unknown[]
  readonly logprobs: readonly unknown[]
}

/** Writes what Ollama said as OpenAI does, of a chat or a completion. */
export class OllamaChunks {
  readonly #kind: RequestKind
  readonly #head: JsonObject
  readonly #id: string
  #begun = false
  #calls = 0
  #textLength = 0

  constructor(kind: RequestKind, { id, created, model }: ChunkHead) {
    this.#kind = kind
    this.#id = id
    const object = kind === 'chat' ? 'chat.completion.chunk' : 'text_completion'
    this.#head = { id, object, created, model }
  }

  /** Tools that were called so far. */
  get calls(): number {
    return this.#calls
  }

  said({ text, thought, calls, logprobs }: Said): { payload: Uint8Array; callBytes: number } {
    if (this.#kind !== 'chat') {
      const marks = legacyLogprobs(logprobs, this.#textLength)
      this.#textLength += text.length
      return { payload: this.#chunk({ text, logprobs: marks, finish_reason: null }), callBytes: 0 }
    }
    const made = calls.map((call) => this.#callOf(call))
    const delta = {
      ...(this.#begun ? {} : { role: 'assistant' }),
      ...(text === '' && (thought !== '' || made.length > 0) ? {} : { content: text }),
      ...(thought === '' ? {} : { reasoning: thought }),
      ...(made.length === 0 ? {} : { tool_calls: made }),
    }
    this.#begun = true
    const marks = logprobs.length === 0 ? null : { content: logprobs, refusal: null }
    const callBytes = made.reduce(
      (bytes, call) => bytes + utf8Length(call.function.name) + utf8Length(call.function.arguments),
      0,
    )
    return { payload: this.#chunk({ delta, logprobs: marks, finish_reason: null }), callBytes }
  }

  finish(reason: string): Uint8Array {
    const nothing = this.#kind === 'chat' ? { delta: {} } : { text: '' }
    return this.#chunk({ ...nothing, logprobs: null, finish_reason: reason })
  }

  usage({ inputTokens, outputTokens, cachedInputTokens }: EngineUsage): Uint8Array {
    return encodeJson({
      ...this.#head,
      choices: [],
      usage: {
        prompt_tokens: inputTokens,
        completion_tokens: outputTokens,
        total_tokens: inputTokens + outputTokens,
        prompt_tokens_details: { cached_tokens: cachedInputTokens },
      },
    })
  }

  /** Ollama has a call's arguments as an object, and older versions give it no id. */
  #callOf(call: unknown): { function: { name: string; arguments: string } } & JsonObject {
    const made = isJsonObject(call) ? call.function : undefined
    const index = this.#calls++
    const parameters = isJsonObject(made) ? (made.arguments ?? {}) : {}
    return {
      index,
      id: stringIn(call, 'id') || `call_${this.#id}_${index}`,
      type: 'function',
      function: { name: stringIn(made, 'name') ?? '', arguments: JSON.stringify(parameters) },
    }
  }

  #chunk(choice: JsonObject): Uint8Array {
    return encodeJson({ ...this.#head, choices: [{ index: 0, ...choice }] })
  }
}

/** A completion lists log probabilities in columns. */
function legacyLogprobs(logprobs: readonly unknown[], offset: number): JsonObject | null {
  if (logprobs.length === 0) return null
  const tokens = logprobs.map((mark) => stringIn(mark, 'token') ?? '')
  let at = offset
  return {
    tokens,
    token_logprobs: logprobs.map((mark) => numberIn(mark, 'logprob') ?? null),
    top_logprobs: logprobs.map((mark) => {
      const top: unknown[] =
        isJsonObject(mark) && Array.isArray(mark.top_logprobs) ? mark.top_logprobs : []
      return Object.fromEntries(
        top.map((item) => [stringIn(item, 'token') ?? '', numberIn(item, 'logprob') ?? null]),
      )
    }),
    text_offset: tokens.map((token) => {
      const here = at
      at += token.length
      return here
    }),
  }
}
