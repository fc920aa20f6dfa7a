import type { FixedChoices } from '@hanse/protocol'

/** What a request is, in OpenAI's terms: `messages`, a `prompt`, or `input` to embed. */
export type RequestKind = 'chat' | 'completion' | 'embedding'

/** A request to run: OpenAI's, as the client sent it. */
export interface EngineRequest {
  readonly kind: RequestKind
  /** The engine's own id of the model; takes the place of `model` in the body. */
  readonly model: string
  /** An OpenAI request of that kind, JSON in UTF-8. */
  readonly body: Uint8Array
  /** Most tokens to generate, even when the body asks for more; 0 for an embedding. */
  readonly maxOutputTokens: number
  /** Who asks, by any name that stays the same: engines that keep what they have read of prompts keep it apart. */
  readonly customer?: string
  /** Decides what is otherwise the engine's choice. A reproducible engine then gives the same bytes each time. */
  readonly fixed?: FixedChoices
}

export type { FixedChoices }

export interface EngineModel {
  readonly id: string
  /** Tokens of prompt and answer together. */
  readonly contextLength: number
  /** `sha256:` and the hash of the weights in hex; `null` when the engine does not tell. */
  readonly digest: string | null
  /** As `F16` or `Q4_K_M`; `null` when the engine does not tell. */
  readonly quantization: string | null
  /** `chat`, `completion`, `embedding`, and what goes with them: `tools`, `vision`, `reasoning`, `logprobs`. */
  readonly capabilities: string[]
  /** Size of the weights; `null` when the engine does not tell. */
  readonly sizeBytes?: number | null
  /** Parameters, such as 7e9; `null` when the engine does not tell. */
  readonly parameters?: number | null
  /** Answers that the engine generates at once; `null` when it does not tell. */
  readonly slots?: number | null
  /** Names the program and its build when `fixed` requests reproduce their bytes on it; else `null`. */
  readonly reproducible?: string | null
  /** What the model is called on the market, where the engine's own metadata leaves no doubt about it. */
  readonly marketName?: string
}

/** How an engine is, for its owner: `message` says what to do when it is not ready. */
export interface EngineHealth {
  readonly ready: boolean
  readonly message: string
  readonly models: readonly ModelHealth[]
  /** Absent when the engine does not tell. */
  readonly load?: EngineLoad
}

/** What an engine does for all its clients: beyond this provider's own sessions, it is its owner's use. */
export interface EngineLoad {
  readonly running: number
  readonly waiting: number
  /** Of the memory for running answers, 0 to 1. */
  readonly cacheUsed?: number
}

export interface ModelHealth {
  readonly id: string
  readonly state: 'loaded' | 'loading' | 'unloaded' | 'failed'
  /** While it loads, 0 to 1. */
  readonly progress?: number
  readonly message?: string
}

export interface EngineUsage {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cachedInputTokens: number
}

export type EngineEvent =
  | { readonly type: 'start'; readonly inputTokens: number | null }
  /** One OpenAI chunk, JSON in UTF-8, as the engine sent it, and how many tokens it is worth. */
  | { readonly type: 'delta'; readonly tokens: number; readonly payload: Uint8Array }
  | { readonly type: 'end'; readonly finishReason: string; readonly usage: EngineUsage }

/** What runs models. Closing it ends what is running. */
export interface Engine extends AsyncDisposable {
  /** The program, as `ollama` or `vllm`, for its owner. */
  readonly name: string
  /** @throws {EngineError} */
  models(): Promise<EngineModel[]>
  /** Exact, as `run` would count it; an upper bound for what no tokenizer counts, such as an image. @throws {EngineError} */
  countInputTokens?(request: EngineRequest): Promise<number>
  /**
   * The answer: `start`, deltas, `end`. Events that arrived together come in one array.
   *
   * @throws {EngineError} also in mid-answer; the signal's reason, and then the engine stops at once.
   */
  run(request: EngineRequest, signal: AbortSignal): AsyncIterable<EngineEvent[]>
  /** Asks the engine how it is. Never rejects: an engine that does not answer is one that is not ready. */
  health(signal?: AbortSignal): Promise<EngineHealth>
}

export type EngineFault =
  /** The engine cannot be reached or is overloaded: a retry may help. */
  | 'HANSE_ENGINE_UNAVAILABLE'
  /** The request is at fault: the same one fails again anywhere. */
  | 'HANSE_ENGINE_REFUSED'
  /** Prompt and answer do not fit into the model's context. */
  | 'HANSE_ENGINE_CONTEXT_LENGTH'
  /** The engine broke, possibly in mid-answer. */
  | 'HANSE_ENGINE_FAILED'
  | 'HANSE_ENGINE_MODEL_UNKNOWN'

export interface EngineErrorFacts {
  /** What the engine answered with, if it is one that speaks HTTP. */
  readonly httpStatus?: number
  /** The engine's own words. They may quote the prompt: for the client, never for a log. */
  readonly engineMessage?: string
  readonly cause?: unknown
}

/** A fault of an engine. Its `message` never holds text of a prompt or an answer. */
export class EngineError extends Error {
  readonly code: EngineFault
  readonly httpStatus: number | undefined
  declare readonly engineMessage: string | undefined

  constructor(code: EngineFault, message: string, facts: EngineErrorFacts = {}) {
    super(message, facts.cause === undefined ? {} : { cause: facts.cause })
    this.name = 'EngineError'
    this.code = code
    this.httpStatus = facts.httpStatus
    // Not enumerable: loggers print what is.
    Object.defineProperty(this, 'engineMessage', { value: facts.engineMessage, enumerable: false })
  }

  /** Whether the same request may succeed here a little later. */
  get retryable(): boolean {
    return this.code === 'HANSE_ENGINE_UNAVAILABLE'
  }
}
