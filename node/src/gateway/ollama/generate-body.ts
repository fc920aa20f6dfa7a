import type { JsonObject } from '../../engine/json.ts'
import { stringIn } from '../../engine/json.ts'
import { FieldError } from '../../openai/field-error.ts'
import { chatBody } from './chat-body.ts'
import { samplingOf } from './sampling.ts'

/** What a request to `/api/generate` becomes: a completion when it goes around the chat template, else a chat. */
export interface GenerateRequest {
  readonly kind: 'chat' | 'completion'
  readonly body: JsonObject
}

/** Ollama's completions end when the model does, OpenAI's after 16 tokens; what a budget has to cover needs some limit. */
const RAW_TOKENS = 2048

/** @throws {FieldError} */
export function generateBody(request: JsonObject): GenerateRequest {
  const prompt = stringIn(request, 'prompt') ?? ''
  const suffix = stringIn(request, 'suffix') ?? ''
  if ((request.template ?? '') !== '')
    throw new FieldError('template', 'not on a market: the template is the model’s own')
  if (request.raw === true || suffix !== '') {
    const rest = suffix === '' ? {} : { suffix }
    const sampling = { max_tokens: RAW_TOKENS, ...samplingOf(request) }
    return { kind: 'completion', body: { ...sampling, prompt, ...rest } }
  }
  const system = stringIn(request, 'system') ?? ''
  const messages = [
    ...(system === '' ? [] : [{ role: 'system', content: system }]),
    { role: 'user', content: prompt, images: request.images },
  ]
  return { kind: 'chat', body: chatBody({ ...request, messages, tools: undefined }) }
}
