import { ChunkScanner, utf8Length } from '@hanse/protocol'
import { EngineError, type EngineEvent } from '../engine.ts'
import { isJsonObject, type JsonObject, parseJsonObject, stringIn } from '../json.ts'
import { messageOf } from './refusals.ts'
import { SseReader } from './sse-reader.ts'
import { countIn, TokenTally } from './token-tally.ts'

// Engines send a token an event, and a whole tool call at the most; a stream without line ends stops
// here and not when memory does.
const EVENT_BYTES_MAX = 1 << 20

const DONE = Buffer.from('[DONE]')

const DELTA_TEXTS = ['content', 'reasoning', 'reasoning_content', 'refusal'] as const

/** Turns the bytes of an OpenAI stream, of a chat or a completion, into events, without any I/O. */
export class OpenAiAnswer {
  // What is no UTF-8 is replaced, so that the chunk is JSON for whoever is strict.
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  readonly #encoder = new TextEncoder()
  readonly #reader = new SseReader(EVENT_BYTES_MAX, (data, kind) => this.#onEvent(data, kind))
  readonly #scanner = new ChunkScanner()
  #events: EngineEvent[] = []
  #fault: EngineError | undefined
  #done = false
  #finishReason: string | undefined
  #usage: JsonObject | undefined
  readonly #tally = new TokenTally()

  /** True after `[DONE]`; then nothing but `end()` is left. */
  get done(): boolean {
    return this.#done
  }

  /** Whether the model has said something. */
  get begun(): boolean {
    return this.#tally.tokens > 0
  }

  /** What the prompt was worth, once the engine has told. */
  get inputTokens(): number | undefined {
    return countIn(this.#usage, 'prompt_tokens')
  }

  /** Why no more will come. The events before it are still good. */
  get fault(): EngineError | undefined {
    return this.#fault
  }

  /** The events that these bytes complete, until `done` or `fault`. */
  push(bytes: Uint8Array): EngineEvent[] {
    this.#reader.push(bytes)
    if (this.#reader.isOversized) this.#fault ??= failed('sent an event over the limit')
    const events = this.#events
    this.#events = []
    return events
  }

  /**
   * The `end` event.
   *
   * @param inputTokens when the engine has not told
   * @throws {EngineError} HANSE_ENGINE_FAILED when the answer is not whole
   */
  end(inputTokens: number): EngineEvent {
    if (this.#finishReason === undefined) throw failed('ended its answer without a finish chunk')
    const usage = {
      inputTokens: this.inputTokens ?? inputTokens,
      outputTokens: this.#tally.tokens,
      cachedInputTokens: countIn(this.#usage?.prompt_tokens_details, 'cached_tokens') ?? 0,
    }
    return { type: 'end', finishReason: this.#finishReason, usage }
  }

  #onEvent(data: Uint8Array, kind: string | undefined): void {
    if (this.#fault !== undefined || this.#done) return
    // Most chunks are a piece of text and nothing else, and need not be parsed to be counted.
    if (kind === undefined && this.#scanner.scan(data) && this.#scanner.isPlain) {
      const { shownBytes, speaking } = this.#scanner
      const tokens = this.#tally.add(shownBytes, speaking, undefined)
      this.#events.push({ type: 'delta', tokens, payload: data })
    } else if (DONE.equals(data)) this.#onDone()
    else this.#onChunk(this.#decoder.decode(data), kind)
  }

  #onChunk(data: string, kind: string | undefined): void {
    const chunk = parseJsonObject(data)
    if (chunk === undefined) {
      this.#fault = failed('sent an event that is no JSON object')
      return
    }
    if (kind === 'error' || (chunk.error !== undefined && chunk.error !== null)) {
      this.#fault = failed('reported an error in mid-answer', messageOf(chunk))
      return
    }
    if (isJsonObject(chunk.usage)) this.#usage = chunk.usage
    // Some send JSON of their own between the chunks; the official clients stumble over it.
    if (!Array.isArray(chunk.choices)) return
    const tokens = this.#tokensOf(chunk.choices, chunk.usage)
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
  }

  /**
   * At least one for each choice that says something, and as many as have a log probability; a running usage tells it
   * exactly. The usage chunk at the end is worth what the chunks before it were counted short, so that deltas sum to
   * what the engine made.
   */
  #tokensOf(choices: readonly unknown[], usage: unknown): number {
    let seen = 0
    let shownBytes = 0
    for (const choice of choices) {
      const said = saidBy(choice)
      if (said === undefined) continue
      seen += Math.max(1, logprobsOf(choice))
      shownBytes += said
    }
    const mayReconcile = seen > 0 || choices.length === 0
    const total = mayReconcile ? countIn(usage, 'completion_tokens') : undefined
    return this.#tally.add(shownBytes, seen, total)
  }
}

/** Bytes of text that a choice adds to the answer; `undefined` when it says nothing at all. */
function saidBy(choice: unknown): number | undefined {
  if (!isJsonObject(choice)) return undefined
  const text = stringIn(choice, 'text') ?? ''
  const { delta } = choice
  if (!isJsonObject(delta)) return text === '' ? undefined : utf8Length(text)
  let bytes = utf8Length(text)
  for (const field of DELTA_TEXTS) bytes += utf8Length(stringIn(delta, field) ?? '')
  const calls = Array.isArray(delta.tool_calls) ? delta.tool_calls : []
  for (const call of calls) bytes += callBytes(isJsonObject(call) ? call.function : undefined)
  bytes += callBytes(delta.function_call)
  const speaks = bytes > 0 || calls.length > 0 || isJsonObject(delta.function_call)
  return speaks ? bytes : undefined
}

function callBytes(call: unknown): number {
  return utf8Length(stringIn(call, 'name') ?? '') + utf8Length(stringIn(call, 'arguments') ?? '')
}

/** How many tokens a choice has log probabilities of: a chat lists them as `content`, a completion as `tokens`. */
function logprobsOf(choice: unknown): number {
  const logprobs = isJsonObject(choice) ? choice.logprobs : undefined
  if (!isJsonObject(logprobs)) return 0
  const list = logprobs.content ?? logprobs.tokens
  return Array.isArray(list) ? list.length : 0
}

function failed(what: string, engineMessage?: string): EngineError {
  return new EngineError(
    'HANSE_ENGINE_FAILED',
    `the engine ${what}`,
    engineMessage === undefined ? {} : { engineMessage },
  )
}
