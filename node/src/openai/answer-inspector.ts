import { HanseError } from '@hanse/protocol'
import {
  encodeJson,
  isJsonObject,
  type JsonObject,
  parseJsonObject,
  stringIn,
} from '../engine/json.ts'
import { CHUNK, scanChunk } from './chunk-scan.ts'

/** What all chunks of an answer have in common. */
export interface ChunkHead {
  readonly id: string
  readonly object: string
  readonly created: number
  readonly model: string
}

/**
 * Watches the chunks of one chat or text completion pass by, and sees to what clients rely on: a role first, no event
 * that is not theirs, usage kept apart, and no end without a finish chunk. It reads only the chunks that matter; the
 * tokens pass as the engine made them.
 */
export class AnswerInspector {
  readonly #chat: boolean
  #head: JsonObject | undefined
  #begun = false
  #finishReason: string | undefined
  #usage: JsonObject | undefined

  constructor(kind: 'chat' | 'completion') {
    this.#chat = kind === 'chat'
  }

  /** Of the engine's own counting; `undefined` when it did not tell. */
  get usage(): JsonObject | undefined {
    return this.#usage
  }

  get finishReason(): string | undefined {
    return this.#finishReason
  }

  get head(): ChunkHead {
    const { id, created, model } = this.#head ?? {}
    return {
      id: typeof id === 'string' ? id : '',
      object: this.#chat ? 'chat.completion.chunk' : 'text_completion',
      created: typeof created === 'number' ? created : 0,
      model: typeof model === 'string' ? model : '',
    }
  }

  /**
   * The chunks that are for the client.
   *
   * @throws {HanseError} HANSE_ENGINE_FAILED when one of them says that the engine failed, or is no chunk
   */
  take(chunks: readonly Uint8Array[]): readonly Uint8Array[] {
    if (this.#begun && chunks.every((chunk) => scanChunk(chunk) === CHUNK.choices)) return chunks
    const passed: Uint8Array[] = []
    for (const chunk of chunks) this.#look(chunk, passed)
    return passed
  }

  /** @throws {HanseError} HANSE_ENGINE_FAILED without a finish chunk: a cut answer must not look whole */
  end(): void {
    if (this.#finishReason === undefined)
      throw new HanseError('HANSE_ENGINE_FAILED', 'the answer has no finish chunk')
  }

  #look(chunk: Uint8Array, passed: Uint8Array[]): void {
    const found = scanChunk(chunk)
    if (this.#begun && found === CHUNK.choices) {
      passed.push(chunk)
      return
    }
    const json = parseChunk(chunk)
    this.#head ??= json
    refuseErrors(json)
    if (isJsonObject(json.usage)) this.#usage = json.usage
    // Clients stumble over events without choices; usage is sent at the end, to who asked for it.
    if (!Array.isArray(json.choices) || json.choices.length === 0) return
    if (this.#chat && !this.#begun) this.#addRole(json.choices, passed)
    this.#begun = true
    for (const choice of json.choices)
      this.#finishReason = stringIn(choice, 'finish_reason') ?? this.#finishReason
    // Some send usage with the end: it would be counted twice by who sums up what he reads.
    if (isJsonObject(json.usage)) passed.push(encodeJson({ ...json, usage: null }))
    else passed.push((found & CHUNK.lines) === 0 ? chunk : encodeJson(json))
  }

  #addRole(choices: readonly unknown[], passed: Uint8Array[]): void {
    const [first] = choices
    if (isJsonObject(first) && stringIn(first.delta, 'role') !== undefined) return
    const choice = { index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }
    passed.push(encodeJson({ ...this.head, choices: [choice] }))
  }
}

/** @throws {HanseError} HANSE_ENGINE_FAILED when it is no JSON object */
export function parseChunk(chunk: Uint8Array): JsonObject {
  const json = parseJsonObject(chunk)
  if (json !== undefined) return json
  throw new HanseError('HANSE_ENGINE_FAILED', 'the engine sent a chunk that is no JSON object')
}

/** The provider’s words stay out of it: they may quote the prompt. */
function refuseErrors({ error, choices }: JsonObject): void {
  const list: unknown[] = Array.isArray(choices) ? choices : []
  const failed = list.some((choice) => stringIn(choice, 'finish_reason') === 'error')
  if ((error ?? null) === null && !failed) return
  throw new HanseError('HANSE_ENGINE_FAILED', 'the engine reported an error in mid-answer')
}
