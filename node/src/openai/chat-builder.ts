import { HanseError } from '@hanse/protocol'
import { isJsonObject, type JsonObject } from '../engine/json.ts'
import { parseChunk } from './answer-inspector.ts'

interface ToolCallDelta {
  readonly index?: number
  readonly id?: string
  readonly type?: string
  readonly function?: { readonly name?: string; readonly arguments?: string }
}

/** Puts chunks together into what a client gets who did not ask for a stream. */
export interface AnswerBuilder {
  /** @throws {HanseError} HANSE_ENGINE_FAILED when it is no chunk of an answer */
  add(chunk: Uint8Array): void
  /** Without usage. @throws {HanseError} HANSE_ENGINE_FAILED when a choice has no end */
  build(): JsonObject
}

export class ChatBuilder implements AnswerBuilder {
  #head: JsonObject = {}
  readonly #choices = new Map<number, ChatChoice>()

  add(bytes: Uint8Array): void {
    const chunk = parseChunk(bytes)
    if (this.#head.id === undefined) this.#head = chunk
    for (const choice of choicesOf(chunk)) {
      const index = indexOf(choice)
      const known = this.#choices.get(index) ?? new ChatChoice(index)
      this.#choices.set(index, known)
      known.add(choice)
    }
  }

  build(): JsonObject {
    return {
      ...headOf(this.#head, 'chat.completion'),
      choices: inOrder(this.#choices).map((choice) => choice.build()),
    }
  }
}

class ChatChoice {
  readonly #index: number
  readonly #message: Record<string, unknown> = { role: 'assistant', content: null, refusal: null }
  readonly #calls: ToolCallDelta[] = []
  readonly #logprobs: { content: unknown[]; refusal: unknown[] } = { content: [], refusal: [] }
  #more: JsonObject = {}
  #finishReason: unknown = null

  constructor(index: number) {
    this.#index = index
  }

  add({ index: _index, delta, finish_reason, logprobs, ...more }: JsonObject): void {
    this.#finishReason = finish_reason ?? this.#finishReason
    if (isJsonObject(logprobs)) {
      this.#logprobs.content.push(...listOf(logprobs.content))
      this.#logprobs.refusal.push(...listOf(logprobs.refusal))
    }
    // What engines add to a choice, such as vLLM's `stop_reason`: the last word counts.
    this.#more = { ...this.#more, ...more }
    if (isJsonObject(delta))
      for (const [field, value] of Object.entries(delta)) this.#merge(field, value)
  }

  build(): JsonObject {
    if (this.#finishReason === null) throw notWhole()
    const { content, refusal } = this.#logprobs
    const calls = this.#calls.length > 0 ? { tool_calls: this.#calls } : {}
    return {
      ...this.#more,
      index: this.#index,
      message: { ...this.#message, ...calls },
      logprobs: content.length + refusal.length > 0 ? { content, refusal } : null,
      finish_reason: this.#finishReason,
    }
  }

  #merge(field: string, value: unknown): void {
    if (value === null || value === undefined) return
    if (field === 'tool_calls' && Array.isArray(value)) {
      for (const call of value as unknown[]) if (isJsonObject(call)) this.#mergeCall(call)
      return
    }
    // Text comes in pieces, whatever the field is called: content, refusal, reasoning, reasoning_content.
    const before = this.#message[field]
    const isText = typeof value === 'string' && typeof before === 'string' && field !== 'role'
    this.#message[field] = isText ? before + value : value
  }

  #mergeCall(delta: ToolCallDelta): void {
    const at = this.#callAt(delta)
    const call = this.#calls[at] ?? {}
    this.#calls[at] = {
      ...call,
      ...(delta.id === undefined ? {} : { id: delta.id }),
      type: delta.type ?? call.type ?? 'function',
      function: {
        name: (call.function?.name ?? '') + (delta.function?.name ?? ''),
        arguments: (call.function?.arguments ?? '') + (delta.function?.arguments ?? ''),
      },
    }
  }

  /** By its index; an engine that sends none, or always the same, tells calls apart by their ids. */
  #callAt({ index, id }: ToolCallDelta): number {
    const at = Math.min(index ?? Math.max(0, this.#calls.length - 1), this.#calls.length)
    const known = this.#calls[at]?.id
    const isOther = id !== undefined && id !== '' && known !== undefined && known !== id
    return isOther ? this.#calls.length : at
  }
}

export function choicesOf({ choices }: JsonObject): readonly JsonObject[] {
  return Array.isArray(choices) ? choices.filter(isJsonObject) : []
}

export function indexOf({ index }: JsonObject): number {
  return typeof index === 'number' ? index : 0
}

/** @throws {HanseError} HANSE_ENGINE_FAILED without any choice */
export function inOrder<Choice>(choices: ReadonlyMap<number, Choice>): Choice[] {
  if (choices.size === 0) throw notWhole()
  return [...choices].sort(([a], [b]) => a - b).map(([, choice]) => choice)
}

/** What stays of the first chunk: who answers, and when. */
export function headOf(first: JsonObject, object: string): JsonObject {
  const { choices: _choices, usage: _usage, object: _object, id, created, model, ...more } = first
  return { id, object, created, model, ...more }
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function notWhole(): HanseError {
  return new HanseError('HANSE_ENGINE_FAILED', 'the answer has no finish chunk')
}
