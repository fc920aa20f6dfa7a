import type { CID } from 'multiformats/cid'
import { z } from 'zod'
import { HanseError } from '../errors.ts'
import { cidOf, decodeCanonical, encodeCanonical } from '../wire.ts'

/** One type of record: how its bytes are made and read. */
export interface RecordType<Value> {
  /** Such as `hanse.receipt.v1`. */
  readonly type: string
  readonly bytesMax: number
  /** @throws {HanseError} HANSE_RECORD_FIELDS when a field is out of range, HANSE_RECORD_TOO_LARGE */
  encode(value: Value): Uint8Array
  /** The same, with the value as `decode` will give it. @throws {HanseError} as `encode` does */
  make(value: Value): { readonly bytes: Uint8Array; readonly value: Value }
  /** @throws {HanseError} HANSE_RECORD_* */
  decode(bytes: Uint8Array): Value
}

/** A record with its name and its bytes, which are what was signed and is stored. */
export interface Named<Value> {
  readonly cid: CID
  readonly bytes: Uint8Array
  readonly value: Value
}

/** Largest record of any type; offers set it. */
export const RECORD_BYTES_MAX = 8192

/**
 * Defines a record type from its fields. `$type` is added on encoding and checked on decoding; the value that callers
 * see does not carry it.
 */
export function defineRecord<Shape extends z.core.$ZodLooseShape>(
  type: string,
  shape: Shape,
  options: {
    bytesMax?: number
    check?: (value: z.output<z.ZodObject<Shape>>) => string | undefined
  } = {},
): RecordType<z.output<z.ZodObject<Shape>>> {
  type Value = z.output<z.ZodObject<Shape>>
  const schema = z.strictObject(shape)
  const bytesMax = options.bytesMax ?? 2048
  const parse = (fields: unknown): Value => {
    const result = schema.safeParse(fields)
    if (!result.success) {
      const issue = result.error.issues[0]
      const where = issue?.path.join('.') ?? ''
      throw new HanseError(
        'HANSE_RECORD_FIELDS',
        `${type}: ${where} ${issue?.message ?? ''}`.trim(),
      )
    }
    const value = result.data as Value
    const fault = options.check?.(value)
    if (fault !== undefined) throw new HanseError('HANSE_RECORD_FIELDS', `${type}: ${fault}`)
    return value
  }
  const make = (fields: Value): { bytes: Uint8Array; value: Value } => {
    const value = parse(fields)
    const bytes = encodeCanonical({ ...(value as object), $type: type })
    if (bytes.byteLength > bytesMax) {
      throw new HanseError(
        'HANSE_RECORD_TOO_LARGE',
        `${type}: ${bytes.byteLength} bytes, at most ${bytesMax}`,
      )
    }
    return { bytes, value }
  }
  return {
    type,
    bytesMax,
    encode: (value) => make(value).bytes,
    make,
    decode(bytes) {
      const decoded = decodeCanonical(bytes, bytesMax)
      const { $type, ...fields } = (
        typeof decoded === 'object' && decoded !== null ? decoded : {}
      ) as Record<string, unknown>
      if ($type !== type) {
        const got = typeof $type === 'string' ? $type.slice(0, 64) : 'none'
        throw new HanseError('HANSE_RECORD_UNKNOWN_TYPE', `expected ${type}, got ${got}`)
      }
      return parse(fields)
    },
  }
}

/** Decodes bytes and names them. @throws {HanseError} HANSE_RECORD_* */
export function named<Value>(type: RecordType<Value>, bytes: Uint8Array): Named<Value> {
  return { cid: cidOf(bytes), bytes, value: type.decode(bytes) }
}
