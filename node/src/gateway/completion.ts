import { HanseError } from '@hanse/protocol'

interface ToolCallDelta {
  index?: number
  id?: string
  type?: string
  function?: { name?: string; arguments?: string }
}

interface ChunkChoice {
  index?: number
  delta?: Record<string, unknown> & { tool_calls?: ToolCallDelta[] }
  finish_reason?: string | null
  logprobs?: { content?: unknown[] | null; refusal?: unknown[] | null } | null
}

interface Chunk {
  id?: string
  created?: number
  model?: string
  system_fingerprint?: string
  choices?: ChunkChoice[]
  usage?: unknown
}

interface Message {
  role: string
  content: string | null
  refusal: string | null
  tool_calls?: ToolCallDelta[]
  [field: string]: unknown
}

/** Puts an answer's chunks together into the object that a client gets who did not ask for a stream. */
export class CompletionBuilder {
  readonly #message: Message = { role: 'assistant', content: null, refusal: null }
  readonly #logprobs: { content: unknown[]; refusal: unknown[] } = { content: [], refusal: [] }
  #head: Chunk = {}
  #finishReason: string | undefined
  #usage: unknown

  /** @throws {HanseError} HANSE_ENGINE_FAILED when the chunk is not JSON, or says that the engine failed */
  add(payload: Uint8Array): void {
    const chunk = parseChunk(payload)
    if (this.#head.id === undefined) this.#head = chunk
    if (chunk.usage !== undefined && chunk.usage !== null) this.#usage = chunk.usage
    // One choice per request: the gateway refuses `n` above 1.
    const choice = chunk.choices?.[0]
    if (choice === undefined) return
    if (choice.finish_reason !== undefined && choice.finish_reason !== null)
      this.#finishReason = choice.finish_reason
    this.#logprobs.content.push(...(choice.logprobs?.content ?? []))
    this.#logprobs.refusal.push(...(choice.logprobs?.refusal ?? []))
    for (const [field, value] of Object.entries(choice.delta ?? {})) this.#merge(field, value)
  }

  /** @throws {HanseError} HANSE_ENGINE_FAILED without a finish chunk: a cut answer must not look whole */
  build(): Record<string, unknown> {
    if (this.#finishReason === undefined) {
      throw new HanseError('HANSE_ENGINE_FAILED', 'the answer has no finish chunk')
    }
    const { id, created, model, system_fingerprint } = this.#head
    const { content, refusal } = this.#logprobs
    return {
      id,
      object: 'chat.completion',
      created,
      model,
      ...(system_fingerprint === undefined ? {} : { system_fingerprint }),
      choices: [
        {
          index: 0,
          message: this.#message,
          logprobs: content.length + refusal.length > 0 ? { content, refusal } : null,
          finish_reason: this.#finishReason,
        },
      ],
      ...(this.#usage === undefined ? {} : { usage: this.#usage }),
    }
  }

  #merge(field: string, value: unknown): void {
    if (value === null || value === undefined) return
    if (field === 'tool_calls' && Array.isArray(value)) {
      for (const call of value as ToolCallDelta[]) this.#mergeToolCall(call)
      return
    }
    // Text comes in pieces, whatever the field is called: content, refusal, reasoning, reasoning_content.
    const before = this.#message[field]
    const isText = typeof value === 'string' && typeof before === 'string' && field !== 'role'
    this.#message[field] = isText ? before + value : value
  }

  #mergeToolCall(delta: ToolCallDelta): void {
    this.#message.tool_calls ??= []
    const calls = this.#message.tool_calls
    const at = Math.min(delta.index ?? 0, calls.length)
    const call = calls[at] ?? {}
    calls[at] = {
      ...call,
      ...(delta.id === undefined ? {} : { id: delta.id }),
      type: delta.type ?? call.type ?? 'function',
      function: {
        name: (call.function?.name ?? '') + (delta.function?.name ?? ''),
        arguments: (call.function?.arguments ?? '') + (delta.function?.arguments ?? ''),
      },
    }
  }
}

/** Whether a chunk only carries usage: sent by every provider, and passed on only to who asked for it. */
export function isUsageChunk(payload: Uint8Array): boolean {
  if (!MAY_BE_USAGE.test(new TextDecoder().decode(payload))) return false
  const { choices, usage } = parseChunk(payload)
  return choices?.length === 0 && usage !== undefined && usage !== null
}

const MAY_BE_USAGE = /"choices"\s*:\s*\[\s*\]/u

function parseChunk(payload: Uint8Array): Chunk {
  try {
    const chunk: unknown = JSON.parse(new TextDecoder().decode(payload))
    if (typeof chunk === 'object' && chunk !== null) return chunk
  } catch (cause) {
    throw new HanseError('HANSE_ENGINE_FAILED', 'the engine sent a chunk that is not JSON', {
      cause,
    })
  }
  throw new HanseError('HANSE_ENGINE_FAILED', 'the engine sent a chunk that is not an object')
}
