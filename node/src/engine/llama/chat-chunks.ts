import type { EngineUsage } from '../engine.ts'
import { encodeJson } from '../json.ts'
import { usageJson } from './completion-chunks.ts'

/** Writes the chunks of one answer as OpenAI does: same `id`, `created` and `model` in all. */
export class ChatChunks {
  readonly #head: { id: string; object: 'chat.completion.chunk'; created: number; model: string }

  /** @param created seconds since 1970 */
  constructor(id: string, created: number, model: string) {
    this.#head = { id, object: 'chat.completion.chunk', created, model }
  }

  role(): Uint8Array {
    return this.#choice({ role: 'assistant', content: '' }, null)
  }

  text(field: 'content' | 'reasoning_content', text: string): Uint8Array {
    return this.#choice({ [field]: text }, null)
  }

  finish(reason: string): Uint8Array {
    return this.#choice({}, reason)
  }

  usage(usage: EngineUsage): Uint8Array {
    return encodeJson({ ...this.#head, choices: [], usage: usageJson(usage) })
  }

  #choice(delta: Record<string, string>, finishReason: string | null): Uint8Array {
    const choices = [{ index: 0, delta, logprobs: null, finish_reason: finishReason }]
    return encodeJson({ ...this.#head, choices })
  }
}
