import { EngineError } from '../engine.ts'
import { type JsonObject, parseJsonObject, stringIn } from '../json.ts'

/** The engine's words are kept up to here: enough for any real message. */
const ENGINE_MESSAGE_CHARS_MAX = 1000

/** What an answer that is no success means, whoever of the engines gave it. */
export function refusalOf(httpStatus: number, body: JsonObject | undefined): EngineError {
  const answer = unwrapped(body)
  const engineMessage = messageOf(answer)?.slice(0, ENGINE_MESSAGE_CHARS_MAX)
  const facts = { httpStatus, ...(engineMessage === undefined ? {} : { engineMessage }) }
  const code = stringIn(answer?.error, 'code') ?? stringIn(answer?.error, 'type') ?? ''
  if (httpStatus === 408 || httpStatus === 429 || (httpStatus >= 502 && httpStatus <= 504)) {
    return new EngineError('HANSE_ENGINE_UNAVAILABLE', `the engine is busy (${httpStatus})`, facts)
  }
  // Before the status is looked at: Ollama says it of an embedding with 500.
  if (httpStatus >= 400 && isContextLength(code, engineMessage)) {
    return new EngineError(
      'HANSE_ENGINE_CONTEXT_LENGTH',
      `prompt and answer do not fit (${httpStatus})`,
      facts,
    )
  }
  // A wrong API key is the provider's own mistake, and none of the client's.
  if (httpStatus >= 500 || httpStatus === 401 || httpStatus === 403 || httpStatus < 400) {
    return new EngineError('HANSE_ENGINE_FAILED', `the engine failed (${httpStatus})`, facts)
  }
  if (
    code === 'model_not_found' ||
    (httpStatus === 404 && /\bmodel\b/i.test(engineMessage ?? ''))
  ) {
    return new EngineError(
      'HANSE_ENGINE_MODEL_UNKNOWN',
      'the engine does not have this model',
      facts,
    )
  }
  return new EngineError(
    'HANSE_ENGINE_REFUSED',
    `the engine refused the request (${httpStatus})`,
    facts,
  )
}

/** The engine's own words in any of the shapes that are about. */
export function messageOf(answer: JsonObject | undefined): string | undefined {
  const error = answer?.error
  if (typeof error === 'string') return error
  return stringIn(error, 'message') ?? stringIn(answer, 'message') ?? stringIn(answer, 'detail')
}

/** Ollama puts the error of the llama.cpp server that it runs into its own, as text. */
function unwrapped(answer: JsonObject | undefined): JsonObject | undefined {
  const error = answer?.error
  return (typeof error === 'string' ? parseJsonObject(error) : undefined) ?? answer
}

// OpenAI's code, llama.cpp's type, and the words of vLLM, Ollama and TGI.
function isContextLength(code: string, message = ''): boolean {
  if (code === 'context_length_exceeded' || code === 'exceed_context_size_error') return true
  return /maximum context length|exceeds? the (available )?context|context (length|window|size)[^.]*exceed|tokens[^.]{0,40}must be <=/i.test(
    message,
  )
}
