import type { EngineUsage } from '../engine.ts'
import { encodeJson } from '../json.ts'

/** Writes the chunks of one completion as OpenAI does: same `id`, `created` and `model` in all. */
export class CompletionChunks {
  readonly #head: { id: string; object: 'text_completion'; created: number; model: string }

  /** @param created seconds since 1970 */
  constructor(id: string, created: number, model: string) {
    this.#head = { id, object: 'text_completion', created, model }
  }

  text(text: string): Uint8Array {
    return this.#choice(text, null)
  }

  finish(reason: string): Uint8Array {
    return this.#choice('', reason)
  }

  usage(usage: EngineUsage): Uint8Array {
    return encodeJson({ ...this.#head, choices: [], usage: usageJson(usage) })
  }

  #choice(text: string, finishReason: string | null): Uint8Array {
    const choices = [{ text, index: 0, logprobs: null, finish_reason: finishReason }]
    return encodeJson({ ...this.#head, choices })
  }
}

export function usageJson({ inputTokens, outputTokens, cachedInputTokens }: EngineUsage): object {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedInputTokens },
  }
}
