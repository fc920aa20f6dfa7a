import { createParser } from 'eventsource-parser'
import { EngineError, type EngineEvent, type EngineUsage } from '../engine.ts'
import { isJsonObject, type JsonObject, numberIn, parseJsonObject, stringIn } from '../json.ts'

// In characters. Engines send a token an event, and a whole tool call at the most; a stream without
// line ends stops here and not when memory does.
const EVENT_CHARS_MAX = 1 << 20

const DELTA_TEXTS = ['content', 'reasoning', 'reasoning_content', 'refusal'] as const

/**
 * Turns the bytes of an OpenAI stream into events, without any I/O.
 */
export class OpenAiAnswer {
  readonly #decoder = new TextDecoder()
  readonly #encoder = new TextEncoder()
  readonly #parser = createParser({
    onEvent: (event) => this.#onEvent(event.event, event.data),
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') this.#oversized = true
    },
    maxBufferSize: EVENT_CHARS_MAX,
  })
  #events: EngineEvent[] = []
  #oversized = false
  #fault: EngineError | undefined
  #done = false
  #finishReason: string | undefined
  #usage: JsonObject | undefined
  #countedTokens = 0

  /** True after `[DONE]`; then the last event was `end`. */
  get done(): boolean {
    return this.#done
  }

  /** Why no more will come. The events before it are still good. */
  get fault(): EngineError | undefined {
    return this.#fault
  }

  /** The events that these bytes complete, until `done` or `fault`. */
  push(bytes: Uint8Array): EngineEvent[] {
    this.#parser.feed(this.#decoder.decode(bytes, { stream: true }))
    if (this.#oversized) this.#fault ??= failed('sent an event over the limit')
    const events = this.#events
    this.#events = []
    return events
  }

  /** The `end` event. @throws {EngineError} HANSE_ENGINE_FAILED when the answer is not whole. */
  end(): EngineEvent {
    if (this.#finishReason === undefined) throw failed('ended its answer without a finish chunk')
    return { type: 'end', finishReason: this.#finishReason, usage: this.#finalUsage() }
  }

  #onEvent(name: string | undefined, data: string): void {
    if (this.#fault !== undefined || this.#done) return
    if (data === '[DONE]') {
      this.#onDone()
      return
    }
    const chunk = parseJsonObject(data)
    if (chunk === undefined) {
      this.#fault = failed('sent an event that is no JSON object')
      return
    }
    if (name === 'error' || (chunk.error !== undefined && chunk.error !== null)) {
      this.#fault = failed('reported an error in mid-answer', messageOf(chunk))
      return
    }
    if (isJsonObject(chunk.usage)) this.#usage = chunk.usage
    // Some send JSON of their own between the chunks; the official clients stumble over it.
    if (!Array.isArray(chunk.choices)) return
    const tokens = this.#tokensOf(chunk.choices, chunk.usage)
    this.#countedTokens += tokens
    for (const choice of chunk.choices)
      this.#finishReason = stringIn(choice, 'finish_reason') ?? this.#finishReason
    if (this.#finishReason === 'error') {
      this.#fault = failed('reported an error in mid-answer')
      return
    }
    this.#events.push({ type: 'delta', tokens, payload: this.#encoder.encode(data) })
  }

  #onDone(): void {
    if (this.#finishReason === undefined) {
      this.#fault = failed('ended its answer without a finish chunk')
      return
    }
    this.#done = true
    this.#events.push(this.end())
  }

  /**
   * At least one for each choice that says something; a running usage tells it exactly. The usage chunk at the end is
   * worth what the chunks before it were counted short, so that deltas sum to what the engine made.
   */
  #tokensOf(choices: readonly unknown[], usage: unknown): number {
    const speaking = choices.filter(
      (choice) => isJsonObject(choice) && saysSomething(choice.delta),
    ).length
    const uncounted = Math.max(0, (numberIn(usage, 'completion_tokens') ?? 0) - this.#countedTokens)
    if (speaking === 0) return choices.length === 0 ? uncounted : 0
    return Math.max(speaking, uncounted)
  }

  #finalUsage(): EngineUsage {
    const details = this.#usage?.prompt_tokens_details
    return {
      // Without usage the engine does not say what the prompt was worth, and nothing is charged for it.
      inputTokens: numberIn(this.#usage, 'prompt_tokens') ?? 0,
      outputTokens: numberIn(this.#usage, 'completion_tokens') ?? this.#countedTokens,
      cachedInputTokens: numberIn(details, 'cached_tokens') ?? 0,
    }
  }
}

function saysSomething(delta: unknown): boolean {
  if (!isJsonObject(delta)) return false
  if (DELTA_TEXTS.some((field) => (stringIn(delta, field) ?? '') !== '')) return true
  return (
    (Array.isArray(delta.tool_calls) && delta.tool_calls.length > 0) ||
    isJsonObject(delta.function_call)
  )
}

/** The engine's own words in any of the shapes that are about. */
export function messageOf(answer: JsonObject | undefined): string | undefined {
  const error = answer?.error
  if (typeof error === 'string') return error
  return stringIn(error, 'message') ?? stringIn(answer, 'message') ?? stringIn(answer, 'detail')
}

function failed(what: string, engineMessage?: string): EngineError {
  return new EngineError(
    'HANSE_ENGINE_FAILED',
    `the engine ${what}`,
    engineMessage === undefined ? {} : { engineMessage },
  )
}
