import type { LlamaEmbeddingContext } from 'node-llama-cpp'
import { EngineError, type EngineEvent } from '../engine.ts'
import { encodeJson } from '../json.ts'
import { encodedVector, type LlamaEmbeddingRequest } from './embedding-request.ts'
import type { EventQueue } from './event-queue.ts'
import { refused } from './llama-sampling.ts'

/** Tokens of each input. @throws {EngineError} HANSE_ENGINE_CONTEXT_LENGTH when one is too long. */
export function embeddingInputTokens(
  context: LlamaEmbeddingContext,
  { inputs }: LlamaEmbeddingRequest,
  tokensMax: number,
): number {
  let total = 0
  for (const input of inputs) {
    const tokens = context.calculateInputLength(input)
    // The library wants one token of room.
    if (tokens >= tokensMax) {
      const text = `an input has ${tokens} tokens; it may have ${tokensMax - 1}`
      throw new EngineError('HANSE_ENGINE_CONTEXT_LENGTH', text, {
        httpStatus: 400,
        engineMessage: text,
      })
    }
    total += tokens
  }
  return total
}

/** One payload for each input, in their order, and one with the usage. */
export async function answerEmbedding(
  context: LlamaEmbeddingContext,
  { inputs, encoding, dimensions }: LlamaEmbeddingRequest,
  { model, inputTokens }: { readonly model: string; readonly inputTokens: number },
  queue: EventQueue<EngineEvent>,
  signal: AbortSignal,
): Promise<void> {
  const tell = (rest: object): void =>
    queue.push({ type: 'delta', tokens: 0, payload: encodeJson({ object: 'list', ...rest }) })
  for (const [index, input] of inputs.entries()) {
    await queue.room()
    signal.throwIfAborted()
    const { vector } = await context.getEmbeddingFor(input)
    if (dimensions !== undefined && dimensions !== vector.length)
      throw refused(`dimensions must be ${vector.length}: this model makes no others`)
    const embedding = encodedVector(vector, encoding)
    tell({ data: [{ object: 'embedding', index, embedding }], model })
  }
  tell({ data: [], model, usage: { prompt_tokens: inputTokens, total_tokens: inputTokens } })
  const usage = { inputTokens, outputTokens: 0, cachedInputTokens: 0 }
  queue.push({ type: 'end', finishReason: 'stop', usage })
}
