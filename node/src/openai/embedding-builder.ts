import { HanseError } from '@hanse/protocol'
import { isJsonObject, type JsonObject } from '../engine/json.ts'
import { parseChunk } from './answer-inspector.ts'

/** Of the lists that a provider sends, bytes: as large as an engine's whole answer may be. */
const EMBEDDINGS_BYTES_MAX = 64 << 20
const FLOAT_BYTES = 4

/** Puts the lists that a provider sends into one, in the encoding that the client reads. */
export class EmbeddingBuilder {
  readonly #encoding: 'float' | 'base64'
  readonly #dimensions: number | undefined
  readonly #items: JsonObject[] = []
  #bytes = 0
  #model: unknown = null
  #usage: JsonObject | undefined

  constructor(encoding: 'float' | 'base64', dimensions: number | undefined) {
    this.#encoding = encoding
    this.#dimensions = dimensions
  }

  /** As the engine counted it; only the last of the lists has it. */
  get usage(): JsonObject | undefined {
    return this.#usage
  }

  /** @throws {HanseError} HANSE_ENGINE_FAILED when it is no list of embeddings, HANSE_ENGINE_REFUSED for other dimensions */
  add(bytes: Uint8Array): void {
    this.#bytes += bytes.byteLength
    if (this.#bytes > EMBEDDINGS_BYTES_MAX) throw failed('sent more embeddings than were asked for')
    const { data, model, usage } = parseChunk(bytes)
    if (!Array.isArray(data)) throw failed('sent no list of embeddings')
    this.#model = model ?? this.#model
    if (isJsonObject(usage)) this.#usage = usage
    for (const item of data as unknown[]) this.#items.push(this.#read(item))
  }

  build(): JsonObject {
    if (this.#items.length === 0) throw failed('sent no embedding')
    const data = this.#items.sort((a, b) => Number(a.index) - Number(b.index))
    return { object: 'list', data, model: this.#model }
  }

  #read(item: unknown): JsonObject {
    if (!isJsonObject(item)) throw failed('sent an embedding that is no object')
    const { embedding } = item
    const isBase64 = typeof embedding === 'string'
    const isList = Array.isArray(embedding)
    if (!isBase64 && !isList) throw failed('sent an embedding that is neither numbers nor base64')
    const length = isBase64
      ? Math.floor((embedding.length * 3) / 4 / FLOAT_BYTES)
      : embedding.length
    if (this.#dimensions !== undefined && this.#dimensions !== length) {
      throw new HanseError(
        'HANSE_ENGINE_REFUSED',
        `dimensions: the model’s embeddings have ${length}, and its engine does not shorten them`,
      )
    }
    const fits = isBase64 === (this.#encoding === 'base64')
    if (fits) return item
    return { ...item, embedding: isBase64 ? fromBase64(embedding) : toBase64(embedding) }
  }
}

/** OpenAI's form: 32-bit floats, little-endian. @throws {HanseError} HANSE_ENGINE_FAILED */
function toBase64(values: readonly unknown[]): string {
  const view = new DataView(new ArrayBuffer(values.length * FLOAT_BYTES))
  for (const [index, value] of values.entries()) {
    if (typeof value !== 'number') throw failed('sent an embedding that is not of numbers')
    view.setFloat32(index * FLOAT_BYTES, value, true)
  }
  return btoa(Array.from(new Uint8Array(view.buffer), (byte) => String.fromCharCode(byte)).join(''))
}

/** @throws {HanseError} HANSE_ENGINE_FAILED */
function fromBase64(text: string): number[] {
  const view = new DataView(bytesOf(text).buffer)
  return Array.from({ length: view.byteLength / FLOAT_BYTES }, (_, index) =>
    view.getFloat32(index * FLOAT_BYTES, true),
  )
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  let binary: string | undefined
  try {
    binary = atob(text)
  } catch {
    // Said below.
  }
  if (binary === undefined || binary.length % FLOAT_BYTES !== 0)
    throw failed('sent an embedding that is not base64 of floats')
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}

function failed(what: string): HanseError {
  return new HanseError('HANSE_ENGINE_FAILED', `the engine ${what}`)
}
