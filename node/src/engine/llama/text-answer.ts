import { randomInt, randomUUID } from 'node:crypto'
import { EngineError, type EngineEvent, type EngineRequest } from '../engine.ts'
import { ChatChunks } from './chat-chunks.ts'
import { CompletionChunks } from './completion-chunks.ts'
import { parseCompletionRequest } from './completion-request.ts'
import type { EventQueue } from './event-queue.ts'
import { parseLlamaRequest } from './llama-request.ts'
import type { LlamaSlot } from './llama-slot.ts'
import {
  chatInputTokens,
  completionInputTokens,
  type FinishReason,
  type Generation,
  generateChat,
  generateCompletion,
  type TextModel,
} from './text-generation.ts'

/** One answer of text to give: a chat's or a completion's. */
export interface TextTask {
  readonly inputTokens: number
  readonly maxTokens: number
  readonly seed: number
  readonly chunks: ChatChunks | CompletionChunks
  readonly generate: (slot: LlamaSlot, generation: Generation) => Promise<FinishReason>
}

/**
 * @param tokensMax of prompt and answer together
 * @throws {EngineError} HANSE_ENGINE_REFUSED, HANSE_ENGINE_CONTEXT_LENGTH
 */
export function textTask(model: TextModel, request: EngineRequest, tokensMax: number): TextTask {
  const { fixed } = request
  const name = fixed?.model ?? request.model
  const created = fixed?.created ?? Math.floor(Date.now() / 1000)
  const seed = fixed?.seed ?? randomInt(2 ** 32)
  if (request.kind === 'chat') {
    const parsed = parseLlamaRequest(request)
    const inputTokens = chatInputTokens(model, parsed.history)
    return {
      inputTokens,
      maxTokens: Math.min(parsed.maxTokens, roomFor(inputTokens, tokensMax)),
      seed,
      chunks: new ChatChunks(fixed?.id ?? `chatcmpl-${randomUUID()}`, created, name),
      generate: async (slot, generation) => await generateChat(model, parsed, slot, generation),
    }
  }
  const parsed = parseCompletionRequest(request)
  const inputTokens = completionInputTokens(model, parsed.prompt)
  return {
    inputTokens,
    maxTokens: Math.min(parsed.maxTokens, roomFor(inputTokens, tokensMax)),
    seed,
    chunks: new CompletionChunks(fixed?.id ?? `cmpl-${randomUUID()}`, created, name),
    generate: async (slot, generation) => await generateCompletion(model, parsed, slot, generation),
  }
}

/** Generates an answer, and writes it as OpenAI's chunks. */
export async function answerText(
  { inputTokens, maxTokens, seed, chunks, generate }: TextTask,
  slot: LlamaSlot,
  queue: EventQueue<EngineEvent>,
  signal: AbortSignal,
): Promise<void> {
  const delta = (tokens: number, payload: Uint8Array): void =>
    queue.push({ type: 'delta', tokens, payload })
  if (chunks instanceof ChatChunks) delta(0, chunks.role())
  // Tokens that show no text, such as those around a thought, count with the next chunk that does.
  let untold = 0
  let outputTokens = 0
  const tell: Generation['tell'] = (field, text, tokens) => {
    untold += tokens
    outputTokens += tokens
    if (text === '') return
    delta(untold, chunks instanceof ChatChunks ? chunks.text(field, text) : chunks.text(text))
    untold = 0
  }
  await slot.begin(queue)
  try {
    const finishReason = await generate(slot, { maxTokens, seed, tell, signal })
    const usage = { inputTokens, outputTokens, cachedInputTokens: 0 }
    delta(untold, chunks.finish(finishReason))
    delta(0, chunks.usage(usage))
    queue.push({ type: 'end', finishReason, usage })
  } finally {
    slot.end()
  }
}

function roomFor(inputTokens: number, tokensMax: number): number {
  const room = tokensMax - inputTokens
  if (room >= 1) return room
  const text = `the prompt has ${inputTokens} tokens; prompt and answer together may have ${tokensMax}`
  throw new EngineError('HANSE_ENGINE_CONTEXT_LENGTH', text, {
    httpStatus: 400,
    engineMessage: text,
  })
}
