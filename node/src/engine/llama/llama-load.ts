import { HanseError } from '@hanse/protocol'
import type { ChatWrapper, LlamaEmbeddingContext, LlamaModel } from 'node-llama-cpp'
import type { EngineModel } from '../engine.ts'
import { modelFileError } from './gguf-file.ts'
import { embeddingLength, type Inspected, isEncoder } from './llama-inspect.ts'
import { LlamaSlot } from './llama-slot.ts'

/** A model in memory, with a context for each slot. */
export interface Loaded extends Inspected {
  readonly model: LlamaModel
  readonly wrapper: ChatWrapper
  readonly slots: LlamaSlot[]
  /** Tokens that one text to embed may have. */
  readonly embeddingTokensMax: number
  /** Opened by the first who needs it. */
  readonly embedding: () => Promise<LlamaEmbeddingContext>
}

/**
 * Loads the weights. The inspection is used up, also when that fails.
 *
 * @throws {HanseError} HANSE_MODEL_FILE, HANSE_MODEL_MEMORY
 */
export async function loadModel(
  inspected: Inspected,
  contextLength: number,
  onProgress: (share: number) => void = () => {},
): Promise<Loaded> {
  const { library, llama, spec, threads } = inspected
  try {
    const model = await llama.loadModel({ modelPath: spec.path, onLoadProgress: onProgress })
    const slots: LlamaSlot[] = []
    if (!isEncoder(model.fileInfo))
      for (let slot = 0; slot < spec.slots; slot++)
        slots.push(await LlamaSlot.open(model, { contextLength, threads }))
    // llama.cpp rounds the length up to what its memory is divided in.
    const facts: EngineModel = {
      ...inspected.facts,
      contextLength: slots[0]?.context.contextSize ?? contextLength,
    }
    const embeddingTokensMax = embeddingLength(model.fileInfo, contextLength)
    const embedding = lazyEmbedding(model, embeddingTokensMax, threads)
    const wrapper = library.resolveChatWrapper(model)
    return { ...inspected, facts, model, wrapper, slots, embeddingTokensMax, embedding }
  } catch (cause) {
    await llama.dispose()
    if (cause instanceof library.InsufficientMemoryError) {
      const text = `there is not enough memory for ${spec.id} with ${contextLength} tokens of context`
      throw new HanseError('HANSE_MODEL_MEMORY', text, { cause })
    }
    throw modelFileError(spec.path, 'cannot be loaded by llama.cpp', cause)
  }
}

function lazyEmbedding(
  model: LlamaModel,
  contextSize: number,
  threads: number,
): () => Promise<LlamaEmbeddingContext> {
  let opening: Promise<LlamaEmbeddingContext> | undefined
  return () => {
    // All of a text in one batch: models that look at both sides of a word need it so.
    opening ??= model.createEmbeddingContext({ contextSize, batchSize: contextSize, threads })
    return opening
  }
}
