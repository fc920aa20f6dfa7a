import { type UsagePolicy, usagePolicySchema } from '@hanse/protocol'
import { parse as parseToml, TomlError } from 'smol-toml'
import type { PolicyFormat } from './policy-store.ts'

/** What is wrong with a policy, and where. */
export interface PolicyFault {
  /** From 1; null where it cannot be told. */
  readonly line: number | null
  /** Such as `rules[0].max_tokens`; empty for the whole document. */
  readonly field: string
  readonly message: string
}

export type ParsedPolicy =
  | { readonly policy: UsagePolicy; readonly faults: readonly [] }
  | { readonly policy: undefined; readonly faults: readonly PolicyFault[] }

/** Reads a policy. In TOML and JSON alike, fields may be written `max_tokens` or `maxTokens`. */
export function parsePolicy(source: string, format: PolicyFormat): ParsedPolicy {
  let given: unknown
  try {
    given = format === 'toml' ? parseToml(source) : JSON.parse(source)
  } catch (error) {
    return { policy: undefined, faults: [syntaxFault(error)] }
  }
  const parsed = usagePolicySchema.safeParse(camelKeys(given))
  if (parsed.success) return { policy: parsed.data, faults: [] }
  const faults = parsed.error.issues.map(({ path, message, ...issue }) => {
    const keys = 'keys' in issue && Array.isArray(issue.keys) ? issue.keys : []
    const full = [...path, ...keys.slice(0, 1)] as (string | number)[]
    const line = format === 'toml' ? lineInToml(source, full) : lineInJson(source, full)
    return { line, field: fieldText(full), message }
  })
  return { policy: undefined, faults }
}

/** One line for each fault, as compilers print them. */
export function faultLines(name: string, faults: readonly PolicyFault[]): string[] {
  return faults.map(({ line, field, message }) =>
    [name, ...(line === null ? [] : [line]), field === '' ? '' : ` ${field}`, ` ${message}`]
      .filter((part) => part !== '')
      .join(':'),
  )
}

function syntaxFault(error: unknown): PolicyFault {
  if (error instanceof TomlError)
    return { line: error.line, field: '', message: firstLine(error.message) }
  const message = error instanceof Error ? error.message : String(error)
  const line = /line (\d+)/u.exec(message)?.[1]
  return { line: line === undefined ? null : Number(line), field: '', message: firstLine(message) }
}

const firstLine = (text: string) => text.split('\n', 1)[0] ?? text

function camelKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelKeys)
  // TOML's dates are objects, and no field of a policy is one.
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [camel(key), camelKeys(each)]),
  )
}

const camel = (key: string) =>
  key.replace(/_([a-z])/gu, (_, letter: string) => letter.toUpperCase())
const snake = (key: string) => key.replace(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`)

function fieldText(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    return text === '' ? snake(part) : `${text}.${snake(part)}`
  }, '')
}

/** The line of a key in its table; that of the table where the key is missing. */
function lineInToml(source: string, path: readonly (string | number)[]): number | null {
  const [first, index, ...rest] = path
  const lines = source.split('\n')
  if (typeof first !== 'string') return null
  if (typeof index !== 'number') return lineOfKey(lines, first, 0)
  const heads = lines.flatMap((line, i) => (/^\s*\[\[\s*rules\s*\]\]/u.test(line) ? [i] : []))
  const from = heads[index]
  if (from === undefined) return null
  const names = rest.filter((part) => typeof part === 'string')
  const until = heads[index + 1] ?? lines.length
  return lineOfKey(lines.slice(0, until), names.at(-1) ?? '', from) ?? from + 1
}

function lineOfKey(lines: readonly string[], key: string, from: number): number | null {
  const found = lines.findIndex(
    (line, i) =>
      i >= from && [key, snake(key)].includes(/^\s*"?([\w-]+)"?\s*=/u.exec(line)?.[1] ?? ''),
  )
  return found < 0 ? null : found + 1
}

/** The n-th `"name"` begins the n-th rule; a hint, where the fields are in another order. */
function lineInJson(source: string, path: readonly (string | number)[]): number | null {
  const key = path.findLast((part) => typeof part === 'string')
  const index = path.find((part) => typeof part === 'number') ?? 0
  if (key === undefined) return null
  const lines = source.split('\n')
  const hits = lines.flatMap((line, i) =>
    line.includes(`"${key}"`) || line.includes(`"${snake(key)}"`) ? [i + 1] : [],
  )
  return hits[hits.length > index ? index : 0] ?? null
}
