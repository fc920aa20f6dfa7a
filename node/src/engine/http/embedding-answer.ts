import { EngineError } from '../engine.ts'
import { encodeJson, isJsonObject, type JsonObject, parseJsonObject } from '../json.ts'
import { countIn } from './token-tally.ts'

/** Largest answer to a request to embed, in bytes: 2048 texts in 1536 dimensions as base64 take 17 MiB. */
export const EMBEDDING_BYTES_MAX = 64 << 20

/** One payload is up to this size, a quarter of what a frame may carry, so that a receipt can be due between two. */
const PAYLOAD_BYTES_MAX = 256 * 1024

/** Room for the list around the items. */
const FRAME_BYTES = 1024

export interface EmbeddingAnswer {
  readonly payloads: readonly Uint8Array[]
  /** What the texts were worth, when the engine tells. */
  readonly inputTokens: number | undefined
}

/**
 * An engine's list of embeddings as payloads below 256 KiB, each a list of some of the items; the last also has `usage`
 * and whatever else the engine said.
 *
 * @throws {EngineError} HANSE_ENGINE_FAILED when it is no such list, or one item is too large
 */
export function embeddingAnswer(document: Uint8Array): EmbeddingAnswer {
  const answer = parseJsonObject(document)
  if (!Array.isArray(answer?.data)) throw failed('sent no list of embeddings')
  return embeddingPayloads(answer, answer.data)
}

export function embeddingPayloads(
  { data: _data, object: _object, model = null, ...rest }: JsonObject,
  items: readonly unknown[],
): EmbeddingAnswer {
  const groups: unknown[][] = [[]]
  let bytes = 0
  for (const item of items) {
    // An embedding is digits, base64 and the names of its fields, so that a character is a byte.
    const itemBytes = JSON.stringify(item).length + 1
    if (!isJsonObject(item) || itemBytes > PAYLOAD_BYTES_MAX - FRAME_BYTES)
      throw failed('sent an embedding over the limit')
    if (bytes + itemBytes > PAYLOAD_BYTES_MAX - FRAME_BYTES) {
      groups.push([])
      bytes = 0
    }
    groups.at(-1)?.push(item)
    bytes += itemBytes
  }
  const payloads = groups.map((data, index) => {
    const last = index === groups.length - 1
    return encodeJson({ object: 'list', data, model, ...(last ? rest : {}) })
  })
  if (payloads.some(({ byteLength }) => byteLength > PAYLOAD_BYTES_MAX))
    throw failed('sent a list of embeddings with too much around it')
  return { payloads, inputTokens: countIn(rest.usage, 'prompt_tokens') }
}

function failed(what: string): EngineError {
  return new EngineError('HANSE_ENGINE_FAILED', `the engine ${what}`)
}
