import fc from 'fast-check'

/** As much of a JSON schema as the API document uses. */
export interface Schema {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly default?: unknown
  readonly pattern?: string
  readonly format?: string
  readonly minLength?: number
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly minItems?: number
  readonly items?: Schema
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
}

const FORMATS: Readonly<Record<string, string>> = {
  email: 'somebody@example.org',
  uri: 'https://example.org/',
  'date-time': '2026-11-01T00:00:00Z',
  date: '2026-11-01',
  uuid: '00000000-0000-4000-8000-000000000000',
}

/** The least value that a schema allows, so that a request comes as far as to the question who sends it. */
export function sampleOf(schema: Schema): unknown {
  const { anyOf, oneOf, allOf } = schema
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return schema.enum[0]
  if (schema.default !== undefined) return schema.default
  const choice = anyOf?.[0] ?? oneOf?.[0]
  if (choice !== undefined) return sampleOf(choice)
  if (allOf !== undefined) return Object.assign({}, ...allOf.map(sampleOf))
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case 'object':
      return Object.fromEntries(
        (schema.required ?? []).map((name) => [name, sampleOf(schema.properties?.[name] ?? {})]),
      )
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => sampleOf(schema.items ?? {}))
    case 'integer':
    case 'number':
      return Math.max(schema.minimum ?? 1, (schema.exclusiveMinimum ?? 0) + 1)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return textOf(schema)
  }
}

function textOf({ format, pattern, minLength }: Schema): string {
  const known = format === undefined ? undefined : FORMATS[format]
  if (known !== undefined) return known
  if (pattern !== undefined) return matching(pattern)
  return 'x'.repeat(Math.max(1, minLength ?? 1))
}

function matching(pattern: string): string {
  const [text = 'x'] = fc.sample(fc.stringMatching(new RegExp(pattern, 'u')), {
    numRuns: 1,
    seed: 1,
  })
  return text
}
