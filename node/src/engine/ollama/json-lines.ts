import { EngineError } from '../engine.ts'
import { type JsonObject, parseJsonObject } from '../json.ts'

// In characters, as for events of an OpenAI stream: a whole tool call is the longest line there is.
const LINE_CHARS_MAX = 1 << 20

/** Cuts a stream of bytes into JSON objects, one a line, without any I/O. */
export class JsonLines {
  readonly #decoder = new TextDecoder()
  #rest = ''

  /** The object that was not ended by a line break, if there is one. @throws {EngineError} HANSE_ENGINE_FAILED */
  end(): JsonObject[] {
    const rest = this.#rest.trim()
    this.#rest = ''
    return rest === '' ? [] : [objectOf(rest)]
  }

  /** The objects that these bytes complete, as far as they are such. @throws {EngineError} HANSE_ENGINE_FAILED */
  *push(bytes: Uint8Array): Generator<JsonObject> {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') yield objectOf(line)
    if (this.#rest.length > LINE_CHARS_MAX) throw failed('sent a line over the limit')
  }
}

function objectOf(line: string): JsonObject {
  const object = line.length > LINE_CHARS_MAX ? undefined : parseJsonObject(line)
  if (object === undefined) throw failed('sent a line that is no JSON object')
  return object
}

function failed(what: string): EngineError {
  return new EngineError('HANSE_ENGINE_FAILED', `the engine ${what}`)
}
