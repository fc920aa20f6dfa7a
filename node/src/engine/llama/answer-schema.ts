import type { GbnfJsonSchema } from 'node-llama-cpp'
import { isJsonObject, type JsonObject, stringIn } from '../json.ts'
import { refused } from './llama-sampling.ts'

/** Deeper ones are no form that somebody fills in, and the library recurses. */
const DEPTH_MAX = 32

/** Said of a schema, and not of what fits it. */
const NOTES: ReadonlySet<string> = new Set([
  '$schema',
  '$id',
  '$comment',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
])
/** Where definitions stand: by today's name, and by that of drafts before 2019. */
const DEFINITIONS = ['$defs', 'definitions'] as const

const BASIC = ['string', 'number', 'integer', 'boolean', 'null'] as const
const FORMATS = ['date-time', 'time', 'date'] as const

type Limits =
  | 'minLength'
  | 'maxLength'
  | 'minItems'
  | 'maxItems'
  | 'minProperties'
  | 'maxProperties'

/**
 * A JSON schema in the terms of the library's grammars, which know less, and pass over what they do not know: that is
 * refused here. Whatever is made by the result fits the schema; of what fits the schema the result may leave some out.
 *
 * @throws {EngineError} that names the keyword
 */
export function grammarSchemaOf(schema: JsonObject): GbnfJsonSchema {
  const names = new Set(DEFINITIONS.flatMap((where) => Object.keys(definitionsIn(schema, where))))
  const reader = new SchemaReader(names)
  const { $defs: _defs, definitions: _definitions, ...root } = schema
  const read = reader.read(root, 'schema', 0)
  if (names.size === 0) return read
  const definitions = DEFINITIONS.flatMap((where) => Object.entries(definitionsIn(schema, where)))
  const $defs = Object.fromEntries(
    definitions.map(([name, each]) => [name, reader.read(each, `$defs.${name}`, 0)]),
  )
  return { ...read, $defs } as GbnfJsonSchema
}

class SchemaReader {
  readonly #names: ReadonlySet<string>

  constructor(names: ReadonlySet<string>) {
    this.#names = names
  }

  read(schema: unknown, at: string, depth: number): GbnfJsonSchema {
    if (!isJsonObject(schema)) throw refused(`${at} must be an object`)
    if (depth > DEPTH_MAX) throw refused(`${at} is deeper than ${DEPTH_MAX} schemas`)
    const { type } = schema
    if (Array.isArray(type)) return this.#oneOfTypes(schema, type, at, depth)
    if (schema.$ref !== undefined) return this.#ref(schema, at)
    const choices = ['anyOf', 'oneOf', 'allOf'].find((name) => schema[name] !== undefined)
    if (choices !== undefined) return this.#choice(schema, choices, at, depth)
    if (schema.const !== undefined) return this.#constant(schema, at)
    if (schema.enum !== undefined) return this.#enumeration(schema, at)
    if (type === 'object') return this.#object(schema, at, depth)
    if (type === 'array') return this.#array(schema, at, depth)
    if (type === 'string') return this.#string(schema, at)
    known(schema, at, ['type'])
    const basic = BASIC.find((name) => name === type)
    if (basic === undefined) throw refused(`${at}.type must be a type of JSON`)
    return { type: basic }
  }

  #oneOfTypes(
    schema: JsonObject,
    types: readonly unknown[],
    at: string,
    depth: number,
  ): GbnfJsonSchema {
    if (types.length === 0) throw refused(`${at}.type must be a type of JSON`)
    const { type: _, ...rest } = schema
    return {
      oneOf: types.map((type) => {
        const heeded = type === 'null' || type === 'boolean' ? {} : rest
        return this.read({ ...heeded, type }, at, depth + 1)
      }),
    }
  }

  #ref(schema: JsonObject, at: string): GbnfJsonSchema {
    known(schema, at, ['$ref'])
    const name = /^#\/(?:\$defs|definitions)\/([^/]+)$/u.exec(stringIn(schema, '$ref') ?? '')?.[1]
    if (name === undefined || !this.#names.has(name))
      throw refused(`${at}.$ref must name one of the schema’s own $defs`)
    return { $ref: `#/$defs/${name}` }
  }

  #choice(schema: JsonObject, name: string, at: string, depth: number): GbnfJsonSchema {
    known(schema, at, [name])
    const list = schema[name]
    if (!Array.isArray(list) || list.length === 0) throw refused(`${at}.${name} must be a list`)
    const read = list.map((each, i) => this.read(each, `${at}.${name}.${i}`, depth + 1))
    const [only] = read
    if (read.length === 1 && only !== undefined) return only
    if (name === 'allOf') throw refused(`${at}.allOf: only one schema can be kept by a grammar`)
    return { oneOf: read }
  }

  #constant(schema: JsonObject, at: string): GbnfJsonSchema {
    known(schema, at, ['const', 'type'])
    return { const: literal(schema.const, `${at}.const`) }
  }

  #enumeration(schema: JsonObject, at: string): GbnfJsonSchema {
    known(schema, at, ['enum', 'type'])
    if (!Array.isArray(schema.enum) || schema.enum.length === 0)
      throw refused(`${at}.enum must be a list`)
    return { enum: schema.enum.map((each: unknown) => literal(each, `${at}.enum`)) }
  }

  #object(schema: JsonObject, at: string, depth: number): GbnfJsonSchema {
    const limits = limitsOf(schema, at, ['minProperties', 'maxProperties'])
    known(schema, at, [
      'type',
      'properties',
      'required',
      'additionalProperties',
      ...Object.keys(limits),
    ])
    const { properties = {}, required = [], additionalProperties } = schema
    if (!isJsonObject(properties)) throw refused(`${at}.properties must be an object`)
    const names = Object.keys(properties)
    if (!Array.isArray(required) || required.some((name) => !names.includes(name as string)))
      throw refused(`${at}.required must be a list of its properties`)
    return {
      type: 'object',
      ...limits,
      properties: Object.fromEntries(
        names.map((name) => [name, this.read(properties[name], `${at}.${name}`, depth + 1)]),
      ),
      // One without properties may have any; one with some is whole with them.
      additionalProperties: isJsonObject(additionalProperties)
        ? this.read(additionalProperties, `${at}.additionalProperties`, depth + 1)
        : additionalProperties === true || (names.length === 0 && additionalProperties !== false),
    }
  }

  #array(schema: JsonObject, at: string, depth: number): GbnfJsonSchema {
    const limits = limitsOf(schema, at, ['minItems', 'maxItems'])
    known(schema, at, ['type', 'items', 'prefixItems', ...Object.keys(limits)])
    const { items, prefixItems } = schema
    if (prefixItems !== undefined && !Array.isArray(prefixItems))
      throw refused(`${at}.prefixItems must be a list`)
    return {
      type: 'array',
      ...limits,
      ...(items === undefined || items === true
        ? {}
        : { items: this.read(items, `${at}.items`, depth + 1) }),
      ...(prefixItems === undefined
        ? {}
        : {
            prefixItems: prefixItems.map((each: unknown, i) =>
              this.read(each, `${at}.prefixItems.${i}`, depth + 1),
            ),
          }),
    }
  }

  #string(schema: JsonObject, at: string): GbnfJsonSchema {
    if (schema.format !== undefined) {
      known(schema, at, ['type', 'format'])
      const format = FORMATS.find((name) => name === schema.format)
      if (format === undefined) throw refused(`${at}.format must be ${FORMATS.join(', ')}`)
      return { type: 'string', format }
    }
    const limits = limitsOf(schema, at, ['minLength', 'maxLength'])
    known(schema, at, ['type', ...Object.keys(limits)])
    return { type: 'string', ...limits }
  }
}

function definitionsIn(schema: JsonObject, where: (typeof DEFINITIONS)[number]): JsonObject {
  const definitions = schema[where] ?? {}
  if (isJsonObject(definitions)) return definitions
  throw refused(`schema.${where} must be an object`)
}

function known(schema: JsonObject, at: string, keywords: readonly string[]): void {
  const other = Object.keys(schema).find((name) => !NOTES.has(name) && !keywords.includes(name))
  if (other !== undefined)
    throw refused(`${at}.${other.slice(0, 64)} cannot be kept by a grammar in this engine`)
}

function literal(value: unknown, at: string): string | number | boolean | null {
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value))
    return value as string | number | boolean | null
  throw refused(`${at} must be a text, a number, true, false or null`)
}

function limitsOf<Name extends Limits>(
  schema: JsonObject,
  at: string,
  [least, most]: readonly [Name, Name],
): { [Key in Name]?: number } {
  const read = (name: Name): number | undefined => {
    const value = schema[name]
    if (value === undefined) return undefined
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value
    throw refused(`${at}.${name} must be a whole number`)
  }
  const [min, max] = [read(least), read(most)]
  if (min !== undefined && max !== undefined && max < min)
    throw refused(`${at}.${most} must not be below ${least}`)
  return Object.fromEntries(
    [
      [least, min],
      [most, max],
    ].filter(([, value]) => value !== undefined),
  ) as { [Key in Name]?: number }
}
