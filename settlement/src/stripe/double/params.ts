import { z } from 'zod'
import { invalidRequest, type StripeFault } from './fault.ts'

/** Form values are strings: each type reads the form of the wire (v1) and JSON's own (v2). */
export const boolean = z.union([z.boolean(), z.stringbool({ truthy: ['true'], falsy: ['false'] })])

export const integer = z.union([
  z.int(),
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number),
])

// Stripe takes at most eight digits: docs.stripe.com/currencies.
export const chargeCentsMax = 99_999_999
export const chargeCentsMin = 50
export const unitCents = integer.pipe(z.int().min(0).max(chargeCentsMax))
export const chargeCents = integer.pipe(z.int().min(chargeCentsMin).max(chargeCentsMax))
export const transferCents = integer.pipe(z.int().min(1).max(999_999_999_999))

export const currency = z.literal('eur')
export const id = z.string().min(1).max(255)
export const text = z.string().max(5_000)
export const expand = z.array(z.string().max(200)).max(20).default([])

// docs.stripe.com/api/metadata: 50 keys of 40 characters, values of 500.
export const metadata = z
  .record(z.string().min(1).max(40), z.string().max(500))
  .refine((value) => Object.keys(value).length <= 50, 'at most 50 keys')
  .default({})

/** In an update an empty value deletes the key. */
export const metadataUpdate = z.union([z.literal(''), metadata]).optional()

export function updatedMetadata(
  before: Readonly<Record<string, string>>,
  update: z.infer<typeof metadataUpdate>,
): Record<string, string> {
  if (update === undefined) return before
  if (update === '') return {}
  const all = Object.entries({ ...before, ...update })
  return Object.fromEntries(all.filter(([, value]) => value !== ''))
}

/** A value, or the empty text that unsets it. */
export function emptyable<T>(value: z.ZodType<T>) {
  return z.union([z.literal('').transform(() => null), value])
}

export const created = z.union([
  integer,
  z.strictObject({
    gt: integer.optional(),
    gte: integer.optional(),
    lt: integer.optional(),
    lte: integer.optional(),
  }),
])
export type Created = z.infer<typeof created>

export const page = {
  limit: integer.pipe(z.int().min(1).max(100)).default(10),
  starting_after: id.optional(),
  ending_before: id.optional(),
  expand,
}
export type Page = {
  readonly limit: number
  readonly starting_after?: string | undefined
  readonly ending_before?: string | undefined
}

export function parseParams<T>(schema: z.ZodType<T>, params: unknown): T {
  const parsed = schema.safeParse(params)
  if (parsed.success) return parsed.data
  throw faultOf(parsed.error, params)
}

function faultOf(error: z.ZodError, params: unknown): StripeFault {
  // An unknown name is reported before a bad value, as Stripe does.
  const unknown = error.issues.find((issue) => issue.code === 'unrecognized_keys')
  if (unknown?.code === 'unrecognized_keys') {
    const param = paramName([...unknown.path, unknown.keys[0] ?? ''])
    return invalidRequest(`Received unknown parameter: ${param}`, 'parameter_unknown', param)
  }
  const issue = error.issues[0]
  const path = issue?.path ?? []
  const param = paramName(path)
  if (valueAt(params, path) === undefined) {
    return invalidRequest(`Missing required param: ${param}.`, 'parameter_missing', param)
  }
  const code = param.endsWith('amount') ? 'parameter_invalid_integer' : undefined
  return invalidRequest(`Invalid ${param}: ${issue?.message ?? 'invalid value'}`, code, param)
}

/** `['metadata', 'a']` is `metadata[a]` on the wire. */
function paramName(path: readonly PropertyKey[]): string {
  const [first, ...rest] = path.map(String)
  return [first ?? '', ...rest.map((part) => `[${part}]`)].join('')
}

function valueAt(params: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = params
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Reflect.get(value, key)
  }
  return value
}
