import { reader as readerOf } from 'protons-runtime'
import type { ExactJson, ExactObject } from './exact-json.ts'
import { isNamedAttribute } from './formats/open-telemetry.ts'
import { LineFault } from './line-fault.ts'
import type { Item } from './lines.ts'

// Field numbers of opentelemetry-proto 1: collector/trace/v1, trace/v1, resource/v1 and common/v1.
const RESOURCE_SPANS = 1
const [RESOURCE, SCOPE_SPANS] = [1, 2]
const RESOURCE_ATTRIBUTES = 1
const SPANS = 2
const SPAN = { traceId: 1, spanId: 2, kind: 6, start: 7, attributes: 9 } as const
const KEY_VALUE = { key: 1, value: 2 } as const
const ANY_VALUE = { string: 1, bool: 2, int: 3, double: 4 } as const
/** Of the wire: groups are not in proto3, and nothing is nested that is not a message. */
const WIRE = { varint: 0, fixed64: 1, length: 2, fixed32: 5 } as const

interface Field {
  readonly number: number
  /** Of a number as it varies, a bigint; of everything else its bytes. */
  readonly value: bigint | Uint8Array
}

/**
 * The spans of an `ExportTraceServiceRequest` one by one, in the shape of OTLP/JSON with numbers as texts, so that one reader
 * takes both. Of their attributes only those that it names are read at all.
 *
 * @throws {LineFault} when it is no such message; spans before that are given
 */
export async function* protobufSpans(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Item<ExactJson>> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  const spans = spansOf(Buffer.concat(chunks))
  for (let line = 1; ; line++) {
    const next = attempt(() => spans.next())
    if (next.done === true) return
    yield { line, value: next.value }
  }
}

function* spansOf(request: Uint8Array): Generator<ExactJson> {
  for (const resourceSpans of messages(request, RESOURCE_SPANS)) {
    const attributes = [...messages(resourceSpans, RESOURCE)].flatMap((resource) =>
      [...messages(resource, RESOURCE_ATTRIBUTES)].flatMap(toAttribute),
    )
    for (const scopeSpans of messages(resourceSpans, SCOPE_SPANS)) {
      for (const span of messages(scopeSpans, SPANS)) {
        const scope = { spans: [toSpan(span)] }
        yield { resourceSpans: [{ resource: { attributes }, scopeSpans: [scope] }] }
      }
    }
  }
}

function toSpan(span: Uint8Array): ExactObject {
  const attributes: ExactJson[] = []
  const found: Record<string, ExactJson> = { attributes }
  for (const { number, value } of fieldsOf(span)) {
    if (number === SPAN.traceId) found.traceId = hexOf(value)
    else if (number === SPAN.spanId) found.spanId = hexOf(value)
    else if (number === SPAN.kind) found.kind = digitsOf(value)
    else if (number === SPAN.start) {
      found.startTimeUnixNano = `${viewOf(value).getBigUint64(0, true)}`
    } else if (number === SPAN.attributes && typeof value !== 'bigint') {
      attributes.push(...toAttribute(value))
    }
  }
  return found
}

function toAttribute(keyValue: Uint8Array): ExactObject[] {
  const [bytes] = [...messages(keyValue, KEY_VALUE.key)].slice(-1)
  const key = textOf(bytes ?? new Uint8Array())
  if (!isNamedAttribute(key)) return []
  return [...messages(keyValue, KEY_VALUE.value)].map((any) => ({ key, value: scalarOf(any) }))
}

function scalarOf(any: Uint8Array): ExactObject {
  for (const { number, value } of fieldsOf(any)) {
    if (number === ANY_VALUE.string && typeof value !== 'bigint') {
      return { stringValue: textOf(value) }
    }
    if (number === ANY_VALUE.bool) return { boolValue: value !== 0n }
    if (number === ANY_VALUE.int) return { intValue: digitsOf(value) }
    if (number === ANY_VALUE.double) {
      return { doubleValue: `${viewOf(value).getFloat64(0, true)}` }
    }
  }
  return {}
}

/** The messages in a field, or its texts. */
function* messages(message: Uint8Array, wanted: number): Generator<Uint8Array> {
  for (const { number, value } of fieldsOf(message)) {
    if (number === wanted && typeof value !== 'bigint') yield value
  }
}

function* fieldsOf(message: Uint8Array): Generator<Field> {
  const reader = readerOf(message)
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    const start = reader.pos
    const wire = tag & 7
    let value: Field['value']
    if (wire === WIRE.varint) {
      value = reader.int64()
      // A number that the end cut off is read as if zeros followed.
      if (reader.pos > reader.len || (message[reader.pos - 1] ?? 0x80) >= 0x80) throw cutOff()
    } else if (wire === WIRE.length) {
      value = reader.bytes()
    } else if (wire === WIRE.fixed64 || wire === WIRE.fixed32) {
      reader.skip(wire === WIRE.fixed64 ? 8 : 4)
      value = message.subarray(start, reader.pos)
    } else {
      throw new RangeError(`wire type ${wire}`)
    }
    yield { number: tag >>> 3, value }
  }
}

function viewOf(value: Field['value']): DataView {
  if (typeof value === 'bigint') throw new RangeError('not 64 bits')
  return new DataView(value.buffer, value.byteOffset, value.byteLength)
}

function digitsOf(value: Field['value']): string {
  if (typeof value !== 'bigint') throw new RangeError('not a number')
  return value.toString()
}

const hexOf = (value: Field['value']): string =>
  typeof value === 'bigint' ? '' : Buffer.from(value).toString('hex')

const UTF_8 = new TextDecoder('utf-8', { fatal: true })
const textOf = (bytes: Uint8Array): string => UTF_8.decode(bytes)

const cutOff = (): RangeError => new RangeError('a number that is cut off')

/** What a decoder says of bytes quotes where it was; that it is no OTLP is enough. */
function attempt<Value>(read: () => Value): Value {
  try {
    return read()
  } catch {
    throw new LineFault('HANSE_IMPORT_FORMAT', 'not OTLP as protobuf')
  }
}
