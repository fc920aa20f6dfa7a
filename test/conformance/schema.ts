import schemas from '../vectors/schemas.json' with { type: 'json' }
import type { Value } from './cbor.ts'
import { isRecordLink, Link } from './cid.ts'
import { isPeer } from './ed25519.ts'

/** The kinds of fields in schemas.json. */
export type Schema =
  | string
  | { readonly int: readonly string[] }
  | { readonly text: readonly number[] }
  | { readonly bytes: readonly number[] }
  | { readonly list: Schema; readonly length: readonly number[] }
  | { readonly tuple: readonly Schema[] }
  | { readonly map: Readonly<Record<string, Schema>> }
  | { readonly nullable: Schema }
  | { readonly optional: Schema }
  | { readonly enum: readonly string[] }
  | { readonly by: string; readonly variants: Readonly<Record<string, Schema>> }

const modelPattern = new RegExp(schemas.modelPattern, 'u')
const traceparentPattern = new RegExp(schemas.traceparentPattern, 'u')
const countries: Readonly<Record<string, readonly string[]>> = schemas.countries
const errorCodes = new Set(schemas.errorCodes)

/** Whether a value is what the schema allows. */
export function fits(schema: Schema, value: Value): boolean {
  if (typeof schema === 'string') return fitsNamed(schema, value)
  if ('int' in schema) return typeof value === 'bigint' && within(schema.int, value)
  if ('text' in schema) return typeof value === 'string' && within(schema.text, value.length)
  if ('bytes' in schema) return value instanceof Uint8Array && within(schema.bytes, value.length)
  if ('list' in schema) {
    if (!Array.isArray(value) || !within(schema.length, value.length)) return false
    return value.every((item: Value) => fits(schema.list, item))
  }
  if ('tuple' in schema) {
    if (!Array.isArray(value) || value.length !== schema.tuple.length) return false
    return schema.tuple.every((item, i) => fits(item, (value as readonly Value[])[i] ?? null))
  }
  if ('map' in schema) return value instanceof Map && fitsMap(schema.map, value)
  if ('nullable' in schema) return value === null || fits(schema.nullable, value)
  if ('optional' in schema) return fits(schema.optional, value)
  if ('enum' in schema) return typeof value === 'string' && schema.enum.includes(value)
  if (!(value instanceof Map)) return false
  const which: unknown = value.get(schema.by)
  if (typeof which !== 'string' || !Object.hasOwn(schema.variants, which)) return false
  return fits(schema.variants[which] ?? '', value)
}

function fitsMap(
  schemas: Readonly<Record<string, Schema>>,
  value: ReadonlyMap<string, Value>,
): boolean {
  const keys = Object.keys(schemas)
  return (
    [...value.keys()].every((key) => keys.includes(key)) &&
    keys.every((key) => {
      const [schema, item] = [schemas[key] ?? '', value.get(key)]
      if (item === undefined) return typeof schema !== 'string' && 'optional' in schema
      return fits(schema, item)
    })
  )
}

function fitsNamed(name: string, value: Value): boolean {
  if (name === 'boolean') return typeof value === 'boolean'
  if (name === 'link') return value instanceof Link && isRecordLink(value)
  if (typeof value !== 'string') return false
  switch (name) {
    case 'peer':
      return isPeer(value)
    case 'country':
      return Object.hasOwn(countries, value)
    case 'region':
      return value === 'EU' || value === 'EEA' || Object.hasOwn(countries, value)
    case 'model':
      return value.length <= 128 && modelPattern.test(value)
    case 'traceparent':
      return traceparentPattern.test(value)
    case 'error-code':
      return errorCodes.has(value)
    default:
      throw new Error(`no kind ${name}`)
  }
}

function within(limits: readonly (string | number)[], value: bigint | number): boolean {
  const [min, max] = limits
  return BigInt(value) >= BigInt(min ?? 0) && BigInt(value) <= BigInt(max ?? 0)
}

/** The regions under which a country is listed. */
export const regionsOf = (country: string): readonly string[] => countries[country] ?? []
