import { HanseError, kindsOf, type OfferedModel } from '@hanse/protocol'
import type { RequestKind } from '../engine/index.ts'
import { isJsonObject, type JsonObject } from '../engine/json.ts'
import { refuseGuarded, refuseMediaLinks } from '../openai/guarded-fields.ts'

/** The field of the body that makes a request what it is. */
const FIELDS = {
  messages: 'chat',
  prompt: 'completion',
  input: 'embedding',
} as const satisfies Record<string, RequestKind>

/**
 * What a stranger asks for, if it may be given to an engine: a consumer's own gateway refuses the same, but nobody has to
 * use ours.
 *
 * @throws {HanseError} HANSE_REQUEST_JSON, HANSE_REQUEST_INVALID
 */
export function reviewRequest(body: Uint8Array): RequestKind {
  const request = parse(body)
  const kind = kindOf(request)
  refuseGuarded(request)
  refuseMediaLinks(request)
  return kind
}

/**
 * What an OpenAI request asks for, by the field that only such a request has.
 *
 * @throws {HanseError} HANSE_REQUEST_JSON, HANSE_REQUEST_INVALID
 */
export function requestKindOf(body: Uint8Array): RequestKind {
  return kindOf(parse(body))
}

function parse(body: Uint8Array): JsonObject {
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    // Without the cause: a parser quotes what it was given.
    throw new HanseError('HANSE_REQUEST_JSON', 'the prompt is not JSON')
  }
  if (!isJsonObject(parsed))
    throw new HanseError('HANSE_REQUEST_INVALID', 'the request is not a JSON object')
  return parsed
}

function kindOf(request: JsonObject): RequestKind {
  const given = Object.entries(FIELDS).filter(([field]) => Object.hasOwn(request, field))
  const [only] = given
  if (only === undefined || given.length > 1) {
    const message = 'messages, prompt or input: there must be just one of them'
    throw new HanseError('HANSE_REQUEST_INVALID', message)
  }
  const [field, kind] = only
  const value = request[field]
  if (kind === 'chat' ? !Array.isArray(value) : !Array.isArray(value) && typeof value !== 'string')
    throw new HanseError('HANSE_REQUEST_INVALID', `${field}: must be an array`)
  return kind
}

/** Whether a model is offered for such requests. @throws {HanseError} HANSE_REQUEST_INVALID when not */
export function assertOffered(model: OfferedModel, kind: RequestKind): void {
  const kinds = kindsOf(model)
  if (kinds.includes(kind)) return
  const offered = kinds.join(', ')
  throw new HanseError('HANSE_REQUEST_INVALID', `${model.id} is offered for ${offered} only`)
}
