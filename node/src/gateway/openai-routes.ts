import { PROMPT_BYTES_MAX } from '@hanse/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { RequestKind } from '../engine/engine.ts'
import { AnswerWriter, type AnswerWriterOptions } from './answer-writer.ts'
import { type TakeOptions, takeRequest } from './take-request.ts'

export interface OpenAiRoutesOptions extends TakeOptions {
  readonly writer: AnswerWriterOptions
}

const ROUTES = {
  '/v1/chat/completions': 'chat',
  '/v1/completions': 'completion',
  '/v1/embeddings': 'embedding',
} as const satisfies Record<string, RequestKind>

/** What asks a model for something. */
export function registerOpenAi(app: FastifyInstance, options: OpenAiRoutesOptions): void {
  for (const [path, kind] of Object.entries(ROUTES)) {
    app.post(path, { bodyLimit: PROMPT_BYTES_MAX }, async (request, reply) => {
      using writer = new AnswerWriter(reply, options.writer)
      const onStream = (): void => writer.expectStream()
      const body = bodyOf(request)
      await writer.send(await takeRequest(options, { kind, body, request, reply, onStream }))
    })
  }
}

/** An empty body comes as none. */
function bodyOf({ body }: FastifyRequest): Uint8Array {
  return body instanceof Uint8Array ? body : new Uint8Array()
}
