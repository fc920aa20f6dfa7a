import type { EngineRequest } from '../engine.ts'
import { isJsonObject, type JsonObject, stringIn } from '../json.ts'
import { limitedTo, parseChatBody } from '../openai-request.ts'
import { messagesOf, refused } from './ollama-messages.ts'
import type { OllamaModel } from './ollama-model.ts'

/** How long Ollama keeps a model loaded after a request: a duration such as `10m`, or seconds; -1 for ever. */
export type KeepAlive = string | number

export interface OllamaCall {
  readonly path: '/api/chat' | '/api/generate' | '/api/embed'
  readonly body: JsonObject
}

/** OpenAI's names of what Ollama has among its options, and what it calls them. */
const OPTIONS = {
  temperature: 'temperature',
  top_p: 'top_p',
  top_k: 'top_k',
  min_p: 'min_p',
  seed: 'seed',
  frequency_penalty: 'frequency_penalty',
  presence_penalty: 'presence_penalty',
  repetition_penalty: 'repeat_penalty',
  repeat_penalty: 'repeat_penalty',
} as const

/**
 * An OpenAI request in Ollama's own terms.
 *
 * @throws {EngineError} HANSE_ENGINE_REFUSED for what Ollama cannot do: it would leave it out without a word
 */
export function ollamaCall(
  request: EngineRequest,
  model: OllamaModel,
  keepAlive: KeepAlive | undefined,
): OllamaCall {
  const body = parseChatBody(request.body)
  const common = {
    model: request.model,
    // Without these, a prompt that does not fit is cut, and so is its beginning when the answer grows beyond the context.
    truncate: false,
    ...(keepAlive === undefined ? {} : { keep_alive: keepAlive }),
  }
  if (request.kind === 'embedding') return embedCall(body, common, model)
  if (typeof body.n === 'number' && body.n !== 1)
    throw refused('only n of 1 is supported by Ollama')
  const talk = {
    ...common,
    shift: false,
    stream: true,
    ...thinking(body, model),
    ...format(body),
    options: options(body, request, model),
  }
  return request.kind === 'chat' ? chatCall(body, talk) : generateCall(body, talk)
}

function chatCall(body: JsonObject, common: JsonObject): OllamaCall {
  const choice = body.tool_choice ?? 'auto'
  if (choice !== 'auto' && choice !== 'none')
    throw refused('tool_choice must be auto or none for Ollama')
  const tools = Array.isArray(body.tools) && choice === 'auto' ? { tools: body.tools } : {}
  const logprobs =
    body.logprobs === true ? { logprobs: true, top_logprobs: body.top_logprobs ?? 0 } : {}
  return {
    path: '/api/chat',
    body: { ...common, ...tools, ...logprobs, messages: messagesOf(body.messages) },
  }
}

function generateCall(body: JsonObject, common: JsonObject): OllamaCall {
  const list: unknown[] = Array.isArray(body.prompt) ? body.prompt : [body.prompt]
  const [prompt] = list
  if (typeof prompt !== 'string' || list.length !== 1)
    throw refused('prompt must be one text for Ollama')
  if (body.echo === true) throw refused('echo is not supported by Ollama')
  const logprobs =
    typeof body.logprobs === 'number' ? { logprobs: true, top_logprobs: body.logprobs } : {}
  const suffix = stringIn(body, 'suffix') ?? ''
  // A completion goes on from the prompt as it is. Only the model's own template knows where a suffix goes.
  const frame = suffix === '' ? { raw: true } : { suffix }
  return { path: '/api/generate', body: { ...common, ...logprobs, ...frame, prompt } }
}

function embedCall(body: JsonObject, common: JsonObject, model: OllamaModel): OllamaCall {
  const texts: unknown[] = Array.isArray(body.input) ? body.input : [body.input]
  if (texts.length === 0 || !texts.every((text) => typeof text === 'string'))
    throw refused('input must be text, or a list of texts, for Ollama')
  const dimensions = typeof body.dimensions === 'number' ? { dimensions: body.dimensions } : {}
  return {
    path: '/api/embed',
    body: { ...common, ...dimensions, input: texts, options: { num_ctx: model.contextLength } },
  }
}

function options(body: JsonObject, request: EngineRequest, model: OllamaModel): JsonObject {
  const asked = Object.entries(OPTIONS).flatMap(([name, option]) =>
    (body[name] ?? null) === null ? [] : [[option, body[name]] as const],
  )
  const stops: unknown[] = Array.isArray(body.stop) ? body.stop : [body.stop]
  const stop = stops.filter((text) => typeof text === 'string' && text !== '')
  const seed = request.fixed === undefined ? {} : { seed: request.fixed.seed }
  const limit = body.max_completion_tokens ?? body.max_tokens
  return {
    ...seed,
    ...Object.fromEntries(asked),
    ...(stop.length === 0 ? {} : { stop }),
    num_predict: Math.floor(limitedTo(request.maxOutputTokens, limit)),
    num_ctx: model.contextLength,
  }
}

/** What OpenAI calls effort, and others `enable_thinking`. A model that cannot think refuses to be told of it. */
function thinking(body: JsonObject, { thinks }: OllamaModel): JsonObject {
  if (!thinks) return {}
  const effort = stringIn(body, 'reasoning_effort') ?? stringIn(body.reasoning, 'effort') ?? ''
  switch (effort) {
    case 'none':
      return { think: false }
    case 'minimal':
    case 'low':
      return { think: 'low' }
    case 'medium':
      return { think: 'medium' }
    case 'high':
    case 'xhigh':
      return { think: 'high' }
    default: {
      const kwargs = body.chat_template_kwargs
      const enabled = isJsonObject(kwargs) ? kwargs.enable_thinking : undefined
      return typeof enabled === 'boolean' ? { think: enabled } : {}
    }
  }
}

function format(body: JsonObject): JsonObject {
  const wanted = body.response_format ?? { type: 'text' }
  switch (stringIn(wanted, 'type') ?? '') {
    case 'text':
      return {}
    case 'json_object':
      return { format: 'json' }
    case 'json_schema': {
      const schema = isJsonObject(wanted) ? wanted.json_schema : undefined
      if (isJsonObject(schema) && isJsonObject(schema.schema)) return { format: schema.schema }
      throw refused('response_format.json_schema.schema must be a JSON schema')
    }
    default:
      throw refused('response_format must be text, json_object or json_schema')
  }
}
