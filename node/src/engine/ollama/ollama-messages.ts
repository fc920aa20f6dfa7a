import { EngineError } from '../engine.ts'
import { isJsonObject, type JsonObject, parseJsonObject, stringIn } from '../json.ts'

/** OpenAI's messages in Ollama's form. @throws {EngineError} HANSE_ENGINE_REFUSED */
export function messagesOf(messages: unknown): JsonObject[] {
  if (!Array.isArray(messages) || messages.length === 0)
    throw refused('messages must be a list with at least one')
  const tools = new Map<string, string>()
  return messages.map((message) => {
    if (!isJsonObject(message)) throw refused('a message must be an object')
    return messageOf(message, tools)
  })
}

/** @param tools names of the tools that were called so far, by the id of the call */
function messageOf(message: JsonObject, tools: Map<string, string>): JsonObject {
  const role = stringIn(message, 'role') ?? ''
  const { text, images } = contentOf(message.content)
  const calls: unknown[] = Array.isArray(message.tool_calls) ? message.tool_calls : []
  const thought = stringIn(message, 'reasoning') ?? stringIn(message, 'reasoning_content')
  const callId = stringIn(message, 'tool_call_id')
  const toolName = stringIn(message, 'name') ?? tools.get(callId ?? '')
  return {
    // Templates know system, user, assistant and tool; OpenAI's newer name for the first is this one.
    role: role === 'developer' ? 'system' : role,
    content: text,
    ...(images.length === 0 ? {} : { images }),
    ...(thought === undefined ? {} : { thinking: thought }),
    ...(calls.length === 0 ? {} : { tool_calls: calls.map((call) => callOf(call, tools)) }),
    ...(role === 'tool' && toolName !== undefined ? { tool_name: toolName } : {}),
    ...(role === 'tool' && callId !== undefined ? { tool_call_id: callId } : {}),
  }
}

function contentOf(content: unknown): { text: string; images: string[] } {
  if (typeof content === 'string') return { text: content, images: [] }
  // An assistant that called a tool said nothing else.
  if (content === undefined || content === null) return { text: '', images: [] }
  if (!Array.isArray(content)) throw refused('the content of a message must be text or parts')
  const texts: string[] = []
  const images: string[] = []
  for (const part of content) {
    const type = stringIn(part, 'type')
    const text = stringIn(part, 'text')
    if (type === 'text' && text !== undefined) texts.push(text)
    else if (type === 'image_url' && isJsonObject(part)) images.push(imageOf(part.image_url))
    else throw refused('only parts of text and images are supported by Ollama')
  }
  return { text: texts.join('\n'), images }
}

/** The image's own bytes, in base64: an address would make this machine fetch what a stranger names. */
function imageOf(image: unknown): string {
  const url = typeof image === 'string' ? image : (stringIn(image, 'url') ?? '')
  const comma = url.indexOf(',')
  if (!/^data:[\w/.+-]*;base64$/u.test(url.slice(0, Math.max(0, comma))))
    throw refused('an image must be a data: URL in base64')
  return url.slice(comma + 1)
}

function callOf(call: unknown, tools: Map<string, string>): JsonObject {
  const made = isJsonObject(call) ? call.function : undefined
  const name = stringIn(made, 'name')
  const parameters = parseJsonObject(stringIn(made, 'arguments') || '{}')
  if (name === undefined || parameters === undefined)
    throw refused('a tool call must have a name, and its arguments as a JSON object')
  const id = stringIn(call, 'id')
  if (id !== undefined) tools.set(id, name)
  return { ...(id === undefined ? {} : { id }), function: { name, arguments: parameters } }
}

export function refused(message: string): EngineError {
  return new EngineError('HANSE_ENGINE_REFUSED', message, {
    httpStatus: 400,
    engineMessage: message,
  })
}
