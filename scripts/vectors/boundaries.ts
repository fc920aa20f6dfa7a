import { modelKey } from '@hanse/protocol'
import { consumer } from '@hanse/protocol/testing'
import type { Schema } from './schema.ts'

/** A value at or beyond a limit of its schema. */
export interface Boundary {
  readonly why: string
  readonly value: unknown
  readonly isRefused: boolean
}

/** Longer lists would make vectors of megabytes. */
const LIST_MAX = 100
const LENGTH_MAX = 4096

/** What lies at each limit of `schema`, just within and just beyond; `valid` is where the parts of maps are taken from. */
export function boundariesOf(schema: Schema, valid: unknown): Boundary[] {
  if (typeof schema === 'string') return ofName(schema)
  if ('int' in schema) return ofInt(schema.int)
  if ('text' in schema) return ofText(schema.text)
  if ('bytes' in schema) return ofBytes(schema.bytes)
  if ('list' in schema) return ofList(schema, valid as unknown[])
  if ('tuple' in schema) return ofTuple(schema.tuple, valid as unknown[])
  if ('map' in schema) return ofMap(schema.map, valid as Record<string, unknown>)
  if ('nullable' in schema) {
    const inner = valid === null ? [] : boundariesOf(schema.nullable, valid)
    return [within('null', null), ...inner.filter(({ value }) => value !== null)]
  }
  if ('optional' in schema) return boundariesOf(schema.optional, valid ?? schema.example)
  if ('enum' in schema) {
    const allowed = schema.enum.map((name) => within(name, name))
    return [...allowed, beyond('none of these', 'x'), beyond('null', null)]
  }
  const which = (valid as Record<string, unknown>)[schema.by]
  const variant = schema.variants[String(which)]
  return variant === undefined ? [] : boundariesOf(variant, valid)
}

const within = (why: string, value: unknown): Boundary => ({ why, value, isRefused: false })
const beyond = (why: string, value: unknown): Boundary => ({ why, value, isRefused: true })

const NAMED: Readonly<Record<Extract<Schema, string>, readonly Boundary[]>> = {
  peer: [
    within('another peer', '12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV'),
    beyond('an RSA id', 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'),
    beyond('a character too few', consumer.peerId.slice(0, -1)),
    beyond('empty', ''),
  ],
  link: [
    beyond('a link to raw bytes', modelKey('a/b', 'EU')),
    beyond('the text of a link', 'bafyreigaknpexyvxt76zgkitavbwx6ejgfheup5oybpm77f3pxzrvwpfdi'),
  ],
  country: [beyond('lower case', 'de'), beyond('a group', 'EU'), beyond('assigned to none', 'XX')],
  region: [within('a group', 'EEA'), within('a country', 'IS'), beyond('lower case', 'eu')],
  model: [
    within('the longest', `a/${'b'.repeat(126)}`),
    within('three parts', 'a/b/c:q4'),
    beyond('too long', `a/${'b'.repeat(127)}`),
    beyond('upper case', 'A/b'),
    beyond('no publisher', 'ab'),
    beyond('an empty quantization', 'a/b:'),
    beyond('a newline after it', 'a/b\n'),
  ],
  traceparent: [
    within('without a flag', `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`),
    beyond('of no trace', `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`),
    beyond('of no parent', `00-${'a'.repeat(32)}-${'0'.repeat(16)}-01`),
    beyond('of another version', `01-${'a'.repeat(32)}-${'b'.repeat(16)}-01`),
    beyond('in capitals', `00-${'A'.repeat(32)}-${'b'.repeat(16)}-01`),
    beyond('with more behind it', `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01-x`),
  ],
  'error-code': [
    within('a code', 'HANSE_INTERNAL'),
    beyond('no code', 'HANSE_NONE'),
    beyond('a name that objects have', 'constructor'),
  ],
  boolean: [beyond('a number', 0)],
}

const ofName = (name: Extract<Schema, string>): Boundary[] => [
  ...NAMED[name],
  beyond('null', null),
  ...(name === 'boolean' ? [] : [beyond('a number', 7)]),
]

function ofInt([min, max]: readonly [string, string]): Boundary[] {
  return [
    within('the least', BigInt(min)),
    within('the greatest', BigInt(max)),
    beyond('below the least', BigInt(min) - 1n),
    beyond('above the greatest', BigInt(max) + 1n),
    beyond('a text', min),
    beyond('null', null),
  ]
}

function ofText([min, max]: readonly [number, number]): Boundary[] {
  return [
    ...(max > LENGTH_MAX
      ? []
      : [
          within('the longest', 'é'.repeat(max)),
          within('the longest, in pairs of units', '\u{1F600}'.repeat(max / 2)),
          beyond('too long', 'x'.repeat(max + 1)),
        ]),
    ...(min > 0 ? [beyond('empty', '')] : []),
    beyond('bytes', Uint8Array.of(0x61)),
    beyond('null', null),
  ]
}

function ofBytes([min, max]: readonly [number, number]): Boundary[] {
  const short = min > 0 ? [beyond('a byte too few', new Uint8Array(min - 1))] : []
  // A value too long for its frame or record is refused for that.
  const long = max > LENGTH_MAX ? [] : [beyond('a byte too many', new Uint8Array(max + 1))]
  return [...short, ...long, beyond('a text', 'x'.repeat(min)), beyond('null', null)]
}

function ofList(
  { list, length: [min, max] }: Extract<Schema, { list: Schema }>,
  valid: readonly unknown[],
): Boundary[] {
  const repeated = (length: number) => Array.from({ length }, () => valid[0])
  return [
    ...(max <= LIST_MAX ? [beyond('an item too many', repeated(max + 1))] : []),
    ...(min > 0 ? [beyond('an item too few', valid.slice(0, min - 1))] : [within('empty', [])]),
    beyond('no list', {}),
    beyond('null', null),
    // Alike items have alike limits.
    ...valid.flatMap((item, i) =>
      i > 0 && Object.hasOwn(Object(list), 'map')
        ? []
        : nested(list, item, `item ${i}`, (value) => valid.with(i, value)),
    ),
  ]
}

function ofTuple(schemas: readonly Schema[], valid: readonly unknown[]): Boundary[] {
  return [
    beyond('an item too few', valid.slice(0, -1)),
    beyond('an item too many', [...valid, null]),
    beyond('no list', {}),
    ...schemas.flatMap((schema, i) =>
      nested(schema, valid[i], `item ${i}`, (value) => valid.with(i, value)),
    ),
  ]
}

function ofMap(
  schemas: Readonly<Record<string, Schema>>,
  valid: Readonly<Record<string, unknown>>,
): Boundary[] {
  const keys = Object.keys(schemas)
  return [
    beyond('no map', []),
    beyond('a key too many', { ...valid, extra: null }),
    ...keys.map((key) => {
      const { [key]: _, ...others } = valid
      const isOptional = Object.hasOwn(Object(schemas[key]), 'optional')
      return (isOptional ? within : beyond)(`without ${key}`, others)
    }),
    ...keys.flatMap((key) =>
      nested(schemas[key] ?? 'boolean', valid[key], key, (value) => ({ ...valid, [key]: value })),
    ),
  ]
}

function nested(
  schema: Schema,
  valid: unknown,
  where: string,
  put: (value: unknown) => unknown,
): Boundary[] {
  return boundariesOf(schema, valid).map(({ why, value, isRefused }) => ({
    why: `${where}: ${why}`,
    value: put(value),
    isRefused,
  }))
}
