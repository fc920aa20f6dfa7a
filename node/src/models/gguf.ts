import { type FileHandle, open } from 'node:fs/promises'
import { HanseError } from '@hanse/protocol'
import { nameOfFileType, tensorBytes } from './gguf-types.ts'

/** What a GGUF file says of itself. */
export interface GgufFacts {
  readonly architecture: string | null
  readonly quantization: string | null
  /** Tokens; `null` when the file does not tell. */
  readonly contextLength: number | null
  /** Of the tensors in this file. */
  readonly parameters: number
  readonly licence: string | null
  readonly licenceLink: string | null
  readonly name: string | null
}

/** The words of the largest vocabularies, with their merges, are some 30 MB. */
const HEADER_BYTES_MAX = 512 << 20
/** The longest is a chat template or a licence. */
const STRING_BYTES_MAX = 16 << 20
const KEYS_MAX = 65_536
/** Models with hundreds of experts have some ten thousand. */
const TENSORS_MAX = 1_048_576
const READ_BYTES = 1 << 20
const KEPT =
  /^(?:general\.(?:architecture|file_type|name|license|license\.link|alignment)|[a-z0-9_-]+\.context_length)$/u
const KEPT_STRING_LENGTH_MAX = 1024

/**
 * Reads the header of a GGUF file, and looks whether all its tensors are in the file.
 *
 * @throws {HanseError} HANSE_MODEL_FILE when it is no GGUF file, or cut off
 */
export async function readGguf(path: string): Promise<GgufFacts> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw notWhole(path, 'it cannot be opened', cause)
  })
  try {
    const facts = await file.stat()
    if (!facts.isFile()) throw notWhole(path, 'it is no file')
    return await readHeader(path, new Reader(path, file, facts.size))
  } finally {
    await file.close()
  }
}

async function readHeader(path: string, reader: Reader): Promise<GgufFacts> {
  if ((await reader.bytes(4)).toString('latin1') !== 'GGUF')
    throw notWhole(path, 'it is no GGUF file')
  const version = await reader.u32()
  if (version !== 2 && version !== 3) throw notWhole(path, `it is GGUF of version ${version}`)
  const tensors = await reader.count(TENSORS_MAX)
  const keys = await reader.count(KEYS_MAX)
  const values = new Map<string, string | number>()
  for (let i = 0; i < keys; i++) {
    const key = await reader.string(STRING_BYTES_MAX)
    const type = await reader.u32()
    const value = await reader.value(type, KEPT.test(key))
    if (value !== undefined) values.set(key, value)
  }
  let parameters = 0
  let end = 0
  for (let i = 0; i < tensors; i++) {
    await reader.string(STRING_BYTES_MAX)
    const dimensions = await reader.u32()
    if (dimensions > 8) throw notWhole(path, 'a tensor has too many dimensions')
    const shape: number[] = []
    for (let d = 0; d < dimensions; d++) shape.push(await reader.number())
    const type = await reader.u32()
    const offset = await reader.number()
    const elements = shape.reduce((product, length) => product * length, 1)
    parameters += elements
    end = Math.max(end, offset + tensorBytes(type, elements))
  }
  const alignment = Number(values.get('general.alignment') ?? 32) || 32
  const data = Math.ceil(reader.position / alignment) * alignment
  if (!(data + end <= reader.size)) {
    throw notWhole(path, `it is cut off: ${reader.size} bytes instead of ${data + end}`)
  }
  const text = (key: string): string | null => {
    const value = values.get(key)
    return typeof value === 'string' && value !== '' ? value : null
  }
  const architecture = text('general.architecture')
  const context = values.get(`${architecture}.context_length`)
  const fileType = values.get('general.file_type')
  return {
    architecture,
    quantization: typeof fileType === 'number' ? (nameOfFileType(fileType) ?? null) : null,
    contextLength:
      typeof context === 'number' && Number.isSafeInteger(context) && context > 0 ? context : null,
    parameters: Number.isSafeInteger(parameters) ? parameters : 0,
    licence: text('general.license'),
    licenceLink: text('general.license.link'),
    name: text('general.name'),
  }
}

/** Bytes of each scalar type of the format; 8 is a string, 9 an array. */
const SCALAR_BYTES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
}
const STRING = 8
const ARRAY = 9

class Reader {
  readonly size: number
  readonly #path: string
  readonly #file: FileHandle
  #buffer = Buffer.alloc(0)
  /** Where in the file the buffer begins, and the next byte in it. */
  #start = 0
  #at = 0

  constructor(path: string, file: FileHandle, size: number) {
    this.#path = path
    this.#file = file
    this.size = size
  }

  get position(): number {
    return this.#start + this.#at
  }

  async bytes(length: number): Promise<Buffer> {
    if (this.#buffer.length - this.#at < length) await this.#fill(length)
    const from = this.#at
    this.#at += length
    return this.#buffer.subarray(from, this.#at)
  }

  /** Steps over bytes without reading them. */
  skip(length: number): void {
    const target = this.position + length
    this.#check(target)
    if (this.#at + length <= this.#buffer.length) {
      this.#at += length
      return
    }
    this.#start = target
    this.#at = 0
    this.#buffer = Buffer.alloc(0)
  }

  async u32(): Promise<number> {
    return (await this.bytes(4)).readUInt32LE()
  }

  /** A 64-bit number; what a double cannot hold is larger than any file, and fails there. */
  async number(): Promise<number> {
    return Number((await this.bytes(8)).readBigUInt64LE())
  }

  async count(max: number): Promise<number> {
    const count = await this.number()
    if (count > max) throw notWhole(this.#path, 'its header makes no sense')
    return count
  }

  async string(max: number): Promise<string> {
    const length = await this.count(max)
    return (await this.bytes(length)).toString('utf8')
  }

  /** Reads a value, or steps over it when it is not to be kept. */
  async value(type: number, keep: boolean): Promise<string | number | undefined> {
    if (type === ARRAY) {
      await this.#skipArray()
      return undefined
    }
    if (type === STRING) {
      if (keep) return (await this.string(STRING_BYTES_MAX)).slice(0, KEPT_STRING_LENGTH_MAX)
      this.skip(await this.count(STRING_BYTES_MAX))
      return undefined
    }
    const length = SCALAR_BYTES[type]
    if (length === undefined) throw notWhole(this.#path, 'its header makes no sense')
    const bytes = await this.bytes(length)
    if (!keep) return undefined
    switch (type) {
      case 4:
        return bytes.readUInt32LE()
      case 5:
        return bytes.readInt32LE()
      case 10:
        return Number(bytes.readBigUInt64LE())
      case 11:
        return Number(bytes.readBigInt64LE())
      default:
        return undefined
    }
  }

  async #skipArray(): Promise<void> {
    const type = await this.u32()
    const length = await this.number()
    if (type === STRING) {
      for (let i = 0; i < length; i++) this.skip(await this.count(STRING_BYTES_MAX))
      return
    }
    const size = SCALAR_BYTES[type]
    // No writer nests arrays.
    if (size === undefined) throw notWhole(this.#path, 'its header makes no sense')
    this.skip(size * length)
  }

  async #fill(length: number): Promise<void> {
    this.#check(this.position + length)
    const left = this.#buffer.subarray(this.#at)
    const want = Math.max(length, READ_BYTES)
    const buffer = Buffer.alloc(want)
    left.copy(buffer)
    const { bytesRead } = await this.#file.read(
      buffer,
      left.length,
      want - left.length,
      this.position + left.length,
    )
    this.#start = this.position
    this.#at = 0
    this.#buffer = buffer.subarray(0, left.length + bytesRead)
    if (this.#buffer.length < length) throw notWhole(this.#path, 'it is cut off in its header')
  }

  #check(end: number): void {
    if (end > this.size) throw notWhole(this.#path, 'it is cut off in its header')
    if (end > HEADER_BYTES_MAX) throw notWhole(this.#path, 'its header has no end')
  }
}

function notWhole(path: string, why: string, cause?: unknown): HanseError {
  return new HanseError('HANSE_MODEL_FILE', `${path}: ${why}`, { cause })
}
