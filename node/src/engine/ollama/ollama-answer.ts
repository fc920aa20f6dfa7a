import { utf8Length } from '@hanse/protocol'
import { EngineError, type EngineEvent, type RequestKind } from '../engine.ts'
import { messageOf } from '../http/refusals.ts'
import { countIn, TokenTally } from '../http/token-tally.ts'
import { isJsonObject, type JsonObject, stringIn } from '../json.ts'
import { JsonLines } from './json-lines.ts'
import { type ChunkHead, OllamaChunks } from './ollama-chunks.ts'

/** Turns the lines of Ollama's answer into OpenAI chunks, without any I/O. */
export class OllamaAnswer {
  readonly #lines = new JsonLines()
  readonly #tally = new TokenTally()
  readonly #chunks: OllamaChunks
  readonly #cutAt: number | undefined
  #final: JsonObject | undefined
  #fault: EngineError | undefined
  #finishReason = 'stop'

  /** @param cutAt context length to which this Ollama cuts a prompt, without a word, if it is one that does */
  constructor(kind: RequestKind, head: ChunkHead, cutAt: number | undefined) {
    this.#chunks = new OllamaChunks(kind, head)
    this.#cutAt = cutAt
  }

  /** True after the last line; then nothing but `end()` is left. */
  get done(): boolean {
    return this.#final !== undefined
  }

  /** Whether the model has said something. */
  get begun(): boolean {
    return this.#tally.tokens > 0
  }

  /** Why no more will come. The events before it are still good. */
  get fault(): EngineError | undefined {
    return this.#fault
  }

  /** The events that these bytes complete, until `done` or `fault`. */
  push(bytes: Uint8Array): EngineEvent[] {
    const events: EngineEvent[] = []
    try {
      for (const line of this.#lines.push(bytes)) this.#onLine(line, events)
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      this.#fault ??= error
    }
    return events
  }

  /**
   * What is left to say: the usage, and the end.
   *
   * @param inputTokens when Ollama has not told, as old versions do of a prompt that is cached
   * @throws {EngineError} HANSE_ENGINE_FAILED when the answer is not whole
   */
  end(inputTokens: number): EngineEvent[] {
    const final = this.#final
    if (final === undefined) throw failed('ended its answer in the middle')
    const input = countIn(final, 'prompt_eval_count') ?? inputTokens
    if (input === this.#cutAt)
      throw new EngineError('HANSE_ENGINE_CONTEXT_LENGTH', 'the engine cut the prompt')
    const rest = this.#tally.add(0, 0, countIn(final, 'eval_count'))
    const usage = {
      inputTokens: input,
      outputTokens: this.#tally.tokens,
      cachedInputTokens: countIn(final, 'prompt_eval_cached_count') ?? 0,
    }
    return [
      { type: 'delta', tokens: rest, payload: this.#chunks.usage(usage) },
      { type: 'end', finishReason: this.#finishReason, usage },
    ]
  }

  #onLine(line: JsonObject, events: EngineEvent[]): void {
    if (this.done || this.#fault !== undefined) return
    if (line.error !== undefined && line.error !== null) {
      this.#fault = failed('reported an error in mid-answer', messageOf(line))
      return
    }
    const message = isJsonObject(line.message) ? line.message : {}
    const said = {
      text: stringIn(message, 'content') ?? stringIn(line, 'response') ?? '',
      thought: stringIn(message, 'thinking') ?? stringIn(line, 'thinking') ?? '',
      calls: Array.isArray(message.tool_calls) ? message.tool_calls : [],
      logprobs: Array.isArray(line.logprobs) ? line.logprobs : [],
    }
    if (said.text !== '' || said.thought !== '' || said.calls.length > 0) {
      const { payload, callBytes } = this.#chunks.said(said)
      const shown = utf8Length(said.text) + utf8Length(said.thought) + callBytes
      const seen = Math.max(1, said.logprobs.length)
      events.push({ type: 'delta', tokens: this.#tally.add(shown, seen, undefined), payload })
    }
    if (line.done !== true) return
    this.#final = line
    const reason = stringIn(line, 'done_reason') === 'length' ? 'length' : 'stop'
    this.#finishReason = reason === 'stop' && this.#chunks.calls > 0 ? 'tool_calls' : reason
    events.push({ type: 'delta', tokens: 0, payload: this.#chunks.finish(this.#finishReason) })
  }
}

function failed(what: string, engineMessage?: string): EngineError {
  return new EngineError(
    'HANSE_ENGINE_FAILED',
    `the engine ${what}`,
    engineMessage === undefined ? {} : { engineMessage },
  )
}
