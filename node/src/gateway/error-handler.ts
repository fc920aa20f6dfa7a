import { ERRORS, HanseError, isErrorCode } from '@hanse/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { errorResponse, faultOf, type OpenAiResponse } from '../openai/index.ts'

/** What goes wrong before a handler runs, or in one, as OpenAI's error object. */
export function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler(async (error, request, reply) => {
    const { status, headers, body } = foreseen(error, request)
    return await reply.status(status).headers(headers).send(body)
  })
}

/** What a client is told of an error; the log is told more where the fault is ours. */
export function foreseen(error: unknown, request: FastifyRequest): OpenAiResponse {
  const fault = faultOfServer(error)
  if (ERRORS[fault.code].http >= 500)
    request.log.warn({ code: fault.code, cause: causeOf(fault) }, fault.message)
  return errorResponse(fault)
}

/** Any fault of a fastify server as ours; what was not foreseen says nothing of its cause. */
export function faultOfServer(error: unknown): HanseError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new HanseError('HANSE_REQUEST_TOO_LARGE', 'the body is too large')
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new HanseError('HANSE_REQUEST_JSON', 'the body is not application/json')
    case 'FST_ERR_BAD_URL':
      return new HanseError('HANSE_NOT_FOUND', 'the URL cannot be read')
  }
  if (!(error instanceof HanseError) && isErrorCode(code))
    return new HanseError(code, error instanceof Error ? error.message : code)
  return faultOf(error)
}

function causeOf(fault: HanseError): string | undefined {
  return fault.cause instanceof Error ? fault.cause.message : undefined
}
