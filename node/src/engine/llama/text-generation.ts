import type { ChatHistoryItem, ChatWrapper, LlamaModel, Token } from 'node-llama-cpp'
import { grammarOf } from './answer-format.ts'
import type { LlamaCompletionRequest } from './completion-request.ts'
import type { NodeLlamaCpp } from './llama-inspect.ts'
import { countTokens } from './llama-model.ts'
import type { LlamaChatRequest } from './llama-request.ts'
import type { LlamaSampling } from './llama-sampling.ts'
import type { LlamaSlot } from './llama-slot.ts'

export interface TextModel {
  readonly library: NodeLlamaCpp
  readonly model: LlamaModel
  readonly wrapper: ChatWrapper
}

export interface Generation {
  readonly maxTokens: number
  readonly seed: number
  /** What was generated since the last time: a text, of so many tokens. */
  readonly tell: (field: 'content' | 'reasoning_content', text: string, tokens: number) => void
  readonly signal: AbortSignal
}

export type FinishReason = 'stop' | 'length'

/** Answers a conversation in the model's own chat template. */
export async function generateChat(
  { library, model, wrapper }: TextModel,
  request: LlamaChatRequest,
  slot: LlamaSlot,
  { tell, ...generation }: Generation,
): Promise<FinishReason> {
  const chatWrapper = request.continues ? continuing(wrapper) : wrapper
  const grammar = await grammarOf(model, request.format)
  const chat = new library.LlamaChat({ contextSequence: slot.sequence, chatWrapper })
  try {
    const { metadata } = await chat.generateResponse(request.history, {
      ...samplingFor(request, generation),
      ...(grammar === undefined ? {} : { grammar }),
      budgets: { thoughtTokens: Number.POSITIVE_INFINITY },
      onResponseChunk: (chunk) => {
        const field = chunk.segmentType === 'thought' ? 'reasoning_content' : 'content'
        tell(field, chunk.text, chunk.tokens.length)
      },
    })
    return finishReasonOf(metadata.stopReason)
  } finally {
    chat.dispose({ disposeSequence: false })
  }
}

/** The library drops space at the start of an answer; in the middle of one, it is between two words. */
function continuing(wrapper: ChatWrapper): ChatWrapper {
  const generateContextState: ChatWrapper['generateContextState'] = (options) =>
    Object.assign(wrapper.generateContextState(options), { ignoreStartText: [] })
  return Object.create(wrapper, { generateContextState: { value: generateContextState } })
}

/** Goes on with a text. */
export async function generateCompletion(
  { library, model }: TextModel,
  request: LlamaCompletionRequest,
  slot: LlamaSlot,
  { tell, ...generation }: Generation,
): Promise<FinishReason> {
  const completion = new library.LlamaCompletion({ contextSequence: slot.sequence })
  try {
    const { metadata } = await completion.generateCompletionWithMeta(
      completionTokens(model, request.prompt),
      {
        ...samplingFor(request, generation),
        disableContextShift: true,
        onToken: (tokens) => tell('content', '', tokens.length),
        onTextChunk: (text) => tell('content', text, 0),
      },
    )
    return finishReasonOf(metadata.stopReason)
  } finally {
    completion.dispose({ disposeSequence: false })
  }
}

export function chatInputTokens({ model, wrapper }: TextModel, history: ChatHistoryItem[]): number {
  return countTokens(model, wrapper, history)
}

export function completionInputTokens({ model }: TextModel, prompt: string): number {
  return completionTokens(model, prompt).length + (startsWithBos(model) ? 1 : 0)
}

/** Words that look like special tokens stay words, as they do in a chat. */
function completionTokens(model: LlamaModel, prompt: string): Token[] {
  return model.tokenize(prompt, false, startsWithBos(model) ? 'trimLeadingSpace' : undefined)
}

/** The library puts that token first by the same rule. */
function startsWithBos({ tokens }: LlamaModel): boolean {
  return tokens.shouldPrependBosToken && tokens.bos !== null
}

function samplingFor(
  request: { readonly sampling: LlamaSampling; readonly stop: string[] },
  { maxTokens, seed, signal }: Omit<Generation, 'tell'>,
) {
  return {
    seed,
    ...request.sampling,
    maxTokens,
    customStopTriggers: request.stop,
    signal,
  }
}

function finishReasonOf(stopReason: string): FinishReason {
  return stopReason === 'maxTokens' ? 'length' : 'stop'
}
