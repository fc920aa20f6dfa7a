import { HanseError } from '@hanse/protocol'
import { z } from 'zod'

const count = z.int().min(1).max(10_000_000)

/** What the gateway has to know of a chat request. All other fields pass through untouched, in the client's own bytes. */
const schema = z.looseObject({
  model: z.string().min(1).max(256),
  messages: z.array(z.looseObject({ role: z.string() })).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: count.nullish(),
  max_completion_tokens: count.nullish(),
  n: z.literal(1, { error: 'only one choice per request is supported' }).nullish(),
})

export interface ParsedChatRequest {
  readonly model: string
  readonly stream: boolean
  readonly includeUsage: boolean
  readonly maxOutputTokens: number | undefined
}

/** A fault of one field, with its name for `error.param`. */
export class FieldError extends HanseError {
  readonly param: string

  constructor(param: string, message: string) {
    super('HANSE_REQUEST_INVALID', `${param}: ${message}`)
    this.param = param
  }
}

/** @throws {HanseError} HANSE_REQUEST_JSON, HANSE_REQUEST_INVALID */
export function parseChatRequest(body: Uint8Array): ParsedChatRequest {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (cause) {
    throw new HanseError('HANSE_REQUEST_JSON', 'the body is not valid JSON', { cause })
  }
  const result = schema.safeParse(json)
  if (!result.success) {
    const issue = result.error.issues[0]
    const param = issue?.path.join('.') ?? ''
    throw new FieldError(param === '' ? 'body' : param, issue?.message ?? 'invalid')
  }
  const { model, stream, stream_options, max_tokens, max_completion_tokens } = result.data
  return {
    model,
    stream: stream ?? false,
    includeUsage: stream_options?.include_usage ?? false,
    maxOutputTokens: max_completion_tokens ?? max_tokens ?? undefined,
  }
}
