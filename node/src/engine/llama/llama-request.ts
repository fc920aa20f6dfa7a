import type { ChatHistoryItem } from 'node-llama-cpp'
import type { EngineRequest } from '../engine.ts'
import { isJsonObject, type JsonObject, stringIn } from '../json.ts'
import { parseChatBody } from '../openai-request.ts'
import { type AnswerFormat, answerFormatOf } from './answer-format.ts'
import {
  type LlamaSampling,
  maxTokensOf,
  refused,
  refuseUnsupported,
  samplingOf,
  stopsOf,
} from './llama-sampling.ts'

export interface LlamaChatRequest {
  /** Ends with the answer that is to be generated: empty, or begun elsewhere. */
  readonly history: ChatHistoryItem[]
  /** The answer goes on from text. */
  readonly continues: boolean
  readonly format: AnswerFormat
  readonly maxTokens: number
  readonly sampling: LlamaSampling
  readonly stop: string[]
}

/** @throws {EngineError} HANSE_ENGINE_REFUSED for what the built-in engine cannot do. */
export function parseLlamaRequest(request: EngineRequest): LlamaChatRequest {
  const body = parseChatBody(request.body)
  refuseTools(body)
  refuseUnsupported(body, ['logprobs', 'top_logprobs', 'logit_bias'])
  return {
    maxTokens: maxTokensOf(request, body.max_completion_tokens ?? body.max_tokens),
    history: historyOf(body),
    continues: body.continue_final_message === true,
    format: answerFormatOf(body.response_format),
    sampling: samplingOf(body),
    stop: stopsOf(body.stop),
  }
}

/** What a body says so far; all that its input tokens depend on. @throws {EngineError} HANSE_ENGINE_REFUSED */
export function chatHistoryOf(bytes: Uint8Array): ChatHistoryItem[] {
  const body = parseChatBody(bytes)
  refuseTools(body)
  return historyOf(body)
}

function refuseTools(body: JsonObject): void {
  if (Array.isArray(body.tools) && body.tools.length > 0 && body.tool_choice !== 'none') {
    throw refused('tools are not supported by this engine')
  }
}

function historyOf({ messages, continue_final_message: goesOn }: JsonObject): ChatHistoryItem[] {
  if (!Array.isArray(messages) || messages.length === 0)
    throw refused('messages must be a list with at least one')
  const history = messages.map(historyItemOf)
  if (goesOn !== true) return [...history, { type: 'model', response: [] }]
  // The library leaves a last answer open, byte for byte: no template trims it, and no end of turn follows.
  if (history.at(-1)?.type !== 'model')
    throw refused('continue_final_message: the last message must be an assistant’s')
  return history
}

function historyItemOf(message: unknown): ChatHistoryItem {
  const text = textOf(isJsonObject(message) ? message.content : undefined)
  switch (stringIn(message, 'role') ?? '') {
    case 'system':
    case 'developer':
      return { type: 'system', text }
    case 'user':
      return { type: 'user', text }
    case 'assistant':
      return { type: 'model', response: [text] }
    default:
      throw refused('the role of a message must be system, developer, user or assistant')
  }
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) throw refused('the content of a message must be text')
  return content.map(partTextOf).join('')
}

function partTextOf(part: unknown): string {
  const text = stringIn(part, 'text')
  if (stringIn(part, 'type') !== 'text' || text === undefined) {
    throw refused('only text parts are supported by this engine')
  }
  return text
}
