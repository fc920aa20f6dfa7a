import { EngineError, type RequestKind } from './engine.ts'
import { parseJsonObject } from './json.ts'

/** Which field of OpenAI's requests makes one of which kind. */
const FIELDS = { messages: 'chat', prompt: 'completion', input: 'embedding' } as const

/** What a request body asks for. @throws {EngineError} HANSE_ENGINE_REFUSED when it is none of the three, or more than one */
export function requestKindOf(body: Uint8Array): RequestKind {
  const request = parseJsonObject(body)
  const kinds = Object.entries(FIELDS).filter(([field]) => request?.[field] != null)
  const [found, second] = kinds
  if (found !== undefined && second === undefined) return found[1]
  throw new EngineError('HANSE_ENGINE_REFUSED', 'a request has one of messages, prompt and input', {
    httpStatus: 400,
  })
}
