import { encodeJson, isJsonObject, type JsonObject, parseJsonObject } from '../../engine/json.ts'
import type { InferenceRequest } from '../request.ts'
import { REASONING } from './chunk.ts'
import { type DeliveredText, isVisible, type Segment } from './delivered.ts'

/**
 * How another provider goes on with an answer: it starts over, since the client has seen nothing yet; it is given what was
 * said so far, and says what follows; or it gives the whole answer again, of which the client gets what it does not have.
 */
export type Method = 'restart' | 'prefix' | 'replay'

export interface Way {
  readonly method: Method
  /** What is asked of the next provider. */
  readonly request: InferenceRequest
  /** Space at the end of what was delivered, which the next one is not told of and may say again. */
  readonly withheld: string
}

/** What has to be known of the next provider's model. */
export interface NextModel {
  readonly digest: string | null
  readonly capabilities: readonly string[]
}

export interface Ways {
  /** The best way on at a model; `undefined` when there is none. */
  at(model: NextModel): Way | undefined
}

/** Engines that leave a last message of the assistant open, so that the model goes on with it. */
export const CONTINUATION = 'continuation'

/** Names under which clients limit an answer; an engine may heed any of them. */
const LIMIT_FIELDS = ['max_tokens', 'max_completion_tokens', 'n_predict', 'min_tokens'] as const

/** Fields by which an engine holds an answer to a form: it cannot take one up in the middle. */
const FORM_FIELDS = [
  'structured_outputs',
  'guided_json',
  'guided_regex',
  'guided_choice',
  'guided_grammar',
  'grammar',
  'json_schema',
] as const

/**
 * The ways on from where an answer was cut.
 *
 * @param tokens that were delivered
 * @param digest of the weights that began the answer
 */
export function waysOn(
  request: InferenceRequest,
  delivered: DeliveredText,
  tokens: number,
  digest: string | null,
): Ways {
  const body = parseJsonObject(request.body)
  if (body === undefined) return { at: () => undefined }
  if (!isVisible(delivered)) {
    const restart: Way = { method: 'restart', request, withheld: spaceOf(delivered) }
    return { at: () => restart }
  }
  const prefix = prefixWay(request, body, delivered, tokens)
  const mayReplay = !delivered.opaque && isDeterministic(body) && digest !== null
  return {
    at: (model) => {
      const takesUp = request.kind === 'completion' || model.capabilities.includes(CONTINUATION)
      if (prefix !== undefined && takesUp) return prefix
      if (mayReplay && model.digest === digest) return { method: 'replay', request, withheld: '' }
      return undefined
    },
  }
}

/** Choices that an answer has. */
export function choiceCount(request: InferenceRequest): number {
  const { n, prompt } = parseJsonObject(request.body) ?? {}
  const prompts = Array.isArray(prompt) && typeof prompt[0] !== 'number' ? prompt.length : 1
  return typeof n === 'number' && n > 1 ? n * prompts : prompts
}

/** Whether engines hold back what such a request is answered with: a call of a tool may come as a whole. */
export function mayHoldBack(request: InferenceRequest): boolean {
  const tools = parseJsonObject(request.body)?.tools
  return Array.isArray(tools) && tools.length > 0
}

function prefixWay(
  request: InferenceRequest,
  body: JsonObject,
  delivered: DeliveredText,
  tokens: number,
): Way | undefined {
  const segments = plainSegments(delivered)
  if (segments === undefined || isFormed(body) || choiceCount(request) > 1) return undefined
  const said = segments.at(-1)?.text ?? ''
  // A space that ends a prompt is a token of its own, where models are used to spaces that begin words; templates cut it
  // off, too. So it is left for the model to say again.
  const shown = said.trimEnd()
  const continued =
    request.kind === 'chat'
      ? continuedChat(body, shown, thoughtOf(segments))
      : continuedCompletion(body, shown)
  if (continued === undefined) return undefined
  const { maxOutputTokens } = request
  return {
    method: 'prefix',
    withheld: said.slice(shown.length),
    request: {
      ...request,
      ...(maxOutputTokens === undefined ? {} : { maxOutputTokens: maxOutputTokens - tokens }),
      body: encodeJson({ ...continued, ...reducedLimits(body, tokens) }),
    },
  }
}

/** Segments of an answer that is in the middle of its text; `undefined` for any other. */
function plainSegments(delivered: DeliveredText): readonly Segment[] | undefined {
  const { choices, opaque, logprobs } = delivered
  const segments = choices.get(0) ?? []
  const last = segments.at(-1)
  if (opaque || logprobs || choices.size > 1) return undefined
  if (last?.channel !== 'content' && last?.channel !== 'text') return undefined
  const before = segments.slice(0, -1)
  return before.every(({ channel }) => REASONING.includes(channel)) ? segments : undefined
}

function thoughtOf(segments: readonly Segment[]): Record<string, string> {
  const thought = segments.find(({ channel }) => REASONING.includes(channel))
  return thought === undefined ? {} : { [thought.channel]: thought.text }
}

function continuedChat(
  body: JsonObject,
  shown: string,
  thought: Readonly<Record<string, string>>,
): JsonObject | undefined {
  if (!Array.isArray(body.messages)) return undefined
  const messages: readonly unknown[] = body.messages
  const last = messages.at(-1)
  // vLLM's fields; llama.cpp and Ollama leave a last message of the assistant open by themselves.
  const flags = { continue_final_message: true, add_generation_prompt: false }
  if (!isJsonObject(last) || last.role !== 'assistant') {
    const begun = { role: 'assistant', content: shown, ...thought }
    return { ...body, ...flags, messages: [...messages, begun] }
  }
  // The client itself has begun the answer. Without the flag engines differ on what that means.
  if (body.continue_final_message !== true || typeof last.content !== 'string') return undefined
  const longer = { ...last, content: last.content + shown }
  return { ...body, messages: [...messages.slice(0, -1), longer] }
}

function continuedCompletion(body: JsonObject, shown: string): JsonObject | undefined {
  const prompts: readonly unknown[] = Array.isArray(body.prompt) ? body.prompt : [body.prompt]
  const [prompt] = prompts
  if (prompts.length !== 1 || typeof prompt !== 'string') return undefined
  const echoes = body.echo === true || (body.suffix ?? '') !== ''
  const chooses = typeof body.best_of === 'number' && body.best_of > 1
  return echoes || chooses ? undefined : { ...body, prompt: prompt + shown }
}

/** Whether the answer is held to a form: what was begun under a grammar goes on under none. */
function isFormed(body: JsonObject): boolean {
  const format = body.response_format
  if (isJsonObject(format) && format.type !== 'text') return true
  const choice = body.tool_choice ?? 'auto'
  if (choice !== 'auto' && choice !== 'none') return true
  if (body.logprobs !== undefined && body.logprobs !== null && body.logprobs !== false) return true
  return FORM_FIELDS.some((field) => (body[field] ?? null) !== null)
}

function isDeterministic({ temperature, top_k, seed }: JsonObject): boolean {
  return temperature === 0 || top_k === 1 || Number.isSafeInteger(seed)
}

function reducedLimits(body: JsonObject, tokens: number): Record<string, number> {
  return Object.fromEntries(
    LIMIT_FIELDS.flatMap((field) => {
      const limit = body[field]
      // Some engines read -1 as "without end".
      if (typeof limit !== 'number' || limit < 0) return []
      return [[field, Math.max(limit - tokens, field === 'min_tokens' ? 0 : 1)]]
    }),
  )
}

function spaceOf({ choices }: DeliveredText): string {
  const segments = choices.get(0) ?? []
  return segments
    .filter(({ channel }) => channel === 'content' || channel === 'text')
    .map(({ text }) => text)
    .join('')
}
