import schemas from '../vectors/schemas.json' with { type: 'json' }
import { Refused } from './bytes.ts'
import { read, type Value } from './cbor.ts'
import { fits, type Schema } from './schema.ts'

const FROM = schemas.frames.from as unknown as Readonly<Record<string, Schema>>

/** Reads a frame as its receiver does. @throws {Refused} HANSE_FRAME_* */
export function readFrame(from: string, bytes: Uint8Array): Value {
  if (bytes.length > schemas.frames.bytesMax) throw new Refused('HANSE_FRAME_TOO_LARGE')
  let value: Value
  try {
    value = read(bytes)
  } catch {
    throw new Refused('HANSE_FRAME_MALFORMED')
  }
  const schema = FROM[from]
  if (schema === undefined) throw new Error(`nobody sends frames as ${from}`)
  if (!fits(schema, value)) throw new Refused('HANSE_FRAME_MALFORMED')
  return value
}
