import { isJsonObject, type JsonObject } from '../engine/json.ts'
import { parseChunk } from './answer-inspector.ts'
import {
  type AnswerBuilder,
  choicesOf,
  headOf,
  indexOf,
  inOrder,
  listOf,
  notWhole,
} from './chat-builder.ts'

/** Text completions, put together from their chunks. */
export class TextBuilder implements AnswerBuilder {
  #head: JsonObject = {}
  readonly #choices = new Map<number, TextChoice>()

  add(bytes: Uint8Array): void {
    const chunk = parseChunk(bytes)
    if (this.#head.id === undefined) this.#head = chunk
    for (const choice of choicesOf(chunk)) {
      const index = indexOf(choice)
      const known = this.#choices.get(index) ?? new TextChoice(index)
      this.#choices.set(index, known)
      known.add(choice)
    }
  }

  build(): JsonObject {
    return {
      ...headOf(this.#head, 'text_completion'),
      choices: inOrder(this.#choices).map((choice) => choice.build()),
    }
  }
}

class TextChoice {
  readonly #index: number
  /** Columns of one length: `tokens`, `token_logprobs`, `top_logprobs`, `text_offset`. */
  readonly #logprobs = new Map<string, unknown[]>()
  #text = ''
  #more: JsonObject = {}
  #finishReason: unknown = null

  constructor(index: number) {
    this.#index = index
  }

  add({ index: _index, text, logprobs, finish_reason, ...more }: JsonObject): void {
    if (typeof text === 'string') this.#text += text
    this.#finishReason = finish_reason ?? this.#finishReason
    this.#more = { ...this.#more, ...more }
    if (!isJsonObject(logprobs)) return
    for (const [column, values] of Object.entries(logprobs))
      this.#logprobs.set(column, [...(this.#logprobs.get(column) ?? []), ...listOf(values)])
  }

  build(): JsonObject {
    if (this.#finishReason === null) throw notWhole()
    return {
      ...this.#more,
      text: this.#text,
      index: this.#index,
      logprobs: this.#logprobs.size > 0 ? Object.fromEntries(this.#logprobs) : null,
      finish_reason: this.#finishReason,
    }
  }
}
