import type { ChatWrapper, Llama, LlamaModel } from 'node-llama-cpp'
import { EngineError } from '../engine.ts'
import { countTokens, digestOf } from './llama-model.ts'
import { chatHistoryOf } from './llama-request.ts'

/** A model's tokenizer without its weights: what a consumer needs to check what a provider counts. */
export interface ModelTokenizer extends AsyncDisposable {
  /** Of the model's file, as offers tell it. */
  readonly digest: string
  /** Input tokens of a chat request, as the built-in engine counts them. @throws {EngineError} */
  countInputTokens(body: Uint8Array): bigint
  /** The most tokens that this text can be. */
  outputTokensMax(text: string): bigint
}

/** A model that samples wildly splits words otherwise than its tokenizer would: a tenth more is let pass. */
const SPLIT_PERCENT = 10n

/** Loads the vocabulary of a GGUF file. @throws {EngineError} HANSE_ENGINE_FAILED when it cannot be loaded */
export async function openTokenizer(modelPath: string): Promise<ModelTokenizer> {
  let llama: Llama | undefined
  try {
    const [library, digest] = await Promise.all([import('node-llama-cpp'), digestOf(modelPath)])
    llama = await library.getLlama({
      gpu: false,
      build: 'never',
      logLevel: library.LlamaLogLevel.error,
    })
    const model = await llama.loadModel({ modelPath, vocabOnly: true })
    return new LlamaTokenizer(`sha256:${digest}`, llama, model, library.resolveChatWrapper(model))
  } catch (cause) {
    await llama?.dispose()
    throw new EngineError('HANSE_ENGINE_FAILED', `${modelPath} cannot be loaded`, { cause })
  }
}

class LlamaTokenizer implements ModelTokenizer {
  readonly digest: string
  readonly #llama: Llama
  readonly #model: LlamaModel
  readonly #wrapper: ChatWrapper

  constructor(digest: string, llama: Llama, model: LlamaModel, wrapper: ChatWrapper) {
    this.digest = digest
    this.#llama = llama
    this.#model = model
    this.#wrapper = wrapper
  }

  countInputTokens(body: Uint8Array): bigint {
    return BigInt(countTokens(this.#model, this.#wrapper, chatHistoryOf(body)))
  }

  outputTokensMax(text: string): bigint {
    const tokens = BigInt(this.#model.tokenize(text).length)
    return tokens + (tokens * SPLIT_PERCENT + 99n) / 100n
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#llama.dispose()
  }
}
