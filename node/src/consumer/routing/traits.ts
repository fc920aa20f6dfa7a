import type { RequestKind } from '../../engine/engine.ts'

/** What may be needed of a model beyond the kind of request, by the names that offers use. */
export type Feature = 'tools' | 'vision' | 'structured'

/** What routing has to know of a request. */
export interface Traits {
  readonly kind: RequestKind
  /** An estimate, tokens. */
  readonly inputTokens: number
  readonly features: readonly Feature[]
  /** What later requests of the same conversation begin with, too; `undefined` when there is nothing worth caching. */
  readonly beginning: string | undefined
}

/** Of English text in common vocabularies; other languages take more. */
const CHARACTERS_PER_TOKEN = 4
/** What an image of common size takes. */
const IMAGE_TOKENS = 1_000
/** Shorter beginnings are read again faster than a provider is chosen. */
const BEGINNING_CHARACTERS_MIN = 512
/** No more of it is looked at. */
const BEGINNING_CHARACTERS_MAX = 16_384

/** @param json the request's body; whatever is wrong with it is for the engine to say */
export function traitsOf(kind: RequestKind, json: unknown): Traits {
  const body = isObject(json) ? json : {}
  const messages: readonly unknown[] = Array.isArray(body.messages) ? body.messages : []
  const sizes = messages.map((message) => (isObject(message) ? sizeOf(message.content) : NO_SIZE))
  const plain = sizeOf(body.prompt ?? body.input)
  const images = sizes.reduce((sum, size) => sum + size.images, plain.images)
  const tools = Array.isArray(body.tools) ? body.tools : []
  const characters =
    sizes.reduce((sum, size) => sum + size.characters, plain.characters) +
    (tools.length > 0 ? JSON.stringify(tools).length : 0)
  return {
    kind,
    inputTokens: Math.ceil(characters / CHARACTERS_PER_TOKEN) + images * IMAGE_TOKENS,
    features: [
      ...(tools.length > 0 ? (['tools'] as const) : []),
      ...(images > 0 ? (['vision'] as const) : []),
      ...(isStructured(body.response_format) ? (['structured'] as const) : []),
    ],
    beginning: beginningOf(messages),
  }
}

/** An answer that has to be JSON, of a certain form perhaps. */
function isStructured(format: unknown): boolean {
  return isObject(format) && (format.type === 'json_object' || format.type === 'json_schema')
}

/** The system prompt and the first message of the user, once there is more to come after them or they are long. */
function beginningOf(messages: readonly unknown[]): string | undefined {
  const first = messages.findIndex((message) => isObject(message) && message.role === 'user')
  if (first < 0) return undefined
  const beginning = messages.slice(0, first + 1)
  const text = JSON.stringify(beginning).slice(0, BEGINNING_CHARACTERS_MAX)
  const isContinued = messages.length > beginning.length
  return isContinued || text.length >= BEGINNING_CHARACTERS_MIN ? text : undefined
}

interface Size {
  readonly characters: number
  readonly images: number
}
const NO_SIZE: Size = { characters: 0, images: 0 }

/** Of a text, or of parts, each a text or an image. */
function sizeOf(content: unknown): Size {
  if (typeof content === 'string') return { characters: content.length, images: 0 }
  if (!Array.isArray(content)) return NO_SIZE
  let characters = 0
  let images = 0
  for (const part of content as readonly unknown[]) {
    if (typeof part === 'string') characters += part.length
    else if (typeof part === 'number') characters += CHARACTERS_PER_TOKEN
    else if (isObject(part) && typeof part.text === 'string') characters += part.text.length
    else if (isObject(part) && part.type === 'image_url') images++
  }
  return { characters, images }
}

function isObject(value: unknown): value is Readonly<{ [field: string]: unknown }> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
