import { isJsonObject, type JsonObject, stringIn } from '../../engine/json.ts'
import { FieldError } from '../../openai/field-error.ts'
import { samplingOf } from './sampling.ts'

/** An OpenAI chat request that asks for what a request to `/api/chat` asks for. @throws {FieldError} */
export function chatBody(request: JsonObject): JsonObject {
  const { messages } = request
  if (!Array.isArray(messages)) throw new FieldError('messages', 'must be a list')
  const calls = new ToolCalls()
  return {
    ...samplingOf(request),
    messages: messages.map((message: unknown, i) => messageOf(message, i, calls)),
    ...(Array.isArray(request.tools) && request.tools.length > 0 ? { tools: request.tools } : {}),
  }
}

/** OpenAI knows calls of tools by ids; clients of Ollama's may know them by their order alone. */
class ToolCalls {
  #count = 0
  readonly #open: { readonly id: string; readonly name: string | undefined }[] = []

  call(name: string | undefined, known: string | undefined): string {
    const id = known ?? `call_${this.#count++}`
    this.#open.push({ id, name })
    return id
  }

  /** The id of the oldest call of this tool that has no answer yet, or of any. */
  answer(name: string | undefined): string {
    const at = this.#open.findIndex((call) => name === undefined || call.name === name)
    return this.#open.splice(Math.max(0, at), 1)[0]?.id ?? `call_${this.#count++}`
  }
}

function messageOf(message: unknown, index: number, calls: ToolCalls): JsonObject {
  const param = `messages.${index}`
  if (!isJsonObject(message)) throw new FieldError(param, 'must be an object')
  const role = stringIn(message, 'role') ?? 'user'
  const content = stringIn(message, 'content') ?? ''
  const thinking = stringIn(message, 'thinking')
  const { tool_calls, images } = message
  if (role === 'tool') {
    const name = stringIn(message, 'tool_name') ?? stringIn(message, 'name')
    const id = stringIn(message, 'tool_call_id') ?? calls.answer(name)
    return { role, content, tool_call_id: id }
  }
  return {
    role,
    content: contentOf(content, images, param),
    ...(thinking === undefined ? {} : { reasoning: thinking }),
    ...(Array.isArray(tool_calls) && tool_calls.length > 0
      ? { tool_calls: tool_calls.map((call: unknown) => callOf(call, calls)) }
      : {}),
  }
}

function contentOf(text: string, images: unknown, param: string): unknown {
  if (!Array.isArray(images) || images.length === 0) return text
  return [
    { type: 'text', text },
    ...images.map((image: unknown) => ({
      type: 'image_url',
      image_url: { url: dataUrlOf(image, param) },
    })),
  ]
}

/** What the first bytes of a picture look like in base64. */
const PICTURES: readonly (readonly [start: string, type: string])[] = [
  ['iVBORw0KGgo', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp'],
]

function dataUrlOf(image: unknown, param: string): string {
  if (typeof image !== 'string') throw new FieldError(`${param}.images`, 'must be base64')
  if (image.startsWith('data:')) return image
  const type = PICTURES.find(([start]) => image.startsWith(start))?.[1] ?? 'image/png'
  return `data:${type};base64,${image}`
}

function callOf(call: unknown, calls: ToolCalls): JsonObject {
  const called = isJsonObject(call) && isJsonObject(call.function) ? call.function : {}
  const name = stringIn(called, 'name') ?? ''
  const given = called.arguments
  return {
    id: calls.call(name, stringIn(call, 'id')),
    type: 'function',
    function: { name, arguments: typeof given === 'string' ? given : JSON.stringify(given ?? {}) },
  }
}
