import { EVIDENCE_KINDS, ROLES } from '@hanse/protocol'

/**
 * Kinds of fields, for implementers: written by hand from the protocol's rules, and held against the code by a vector at
 * every boundary.
 */
export type Schema =
  | 'peer'
  | 'link'
  | 'country'
  | 'region'
  | 'model'
  | 'error-code'
  | 'traceparent'
  | 'boolean'
  | { readonly int: readonly [min: string, max: string] }
  /** Length in UTF-16 code units. */
  | { readonly text: readonly [min: number, max: number] }
  | { readonly bytes: readonly [min: number, max: number] }
  | { readonly list: Schema; readonly length: readonly [min: number, max: number] }
  | { readonly tuple: readonly Schema[] }
  | { readonly map: Readonly<Record<string, Schema>> }
  | { readonly nullable: Schema }
  /** Of a map: its key may be missing. */
  | { readonly optional: Schema; readonly example: unknown }
  | { readonly enum: readonly string[] }
  /** Maps that are told apart by the value of one key. */
  | { readonly by: string; readonly variants: Readonly<Record<string, Schema>> }

export const int = (min: bigint | number, max: bigint | number): Schema => ({
  int: [min.toString(), max.toString()],
})
export const counter = int(0, 2n ** 63n - 1n)
export const amount = counter
export const time = int(0, 8_640_000_000_000_000)
export const duration = int(0, 86_400_000)
export const word = (max: number): Schema => ({ text: [1, max] })
export const text = (max: number): Schema => ({ text: [0, max] })
export const bytes = (length: number): Schema => ({ bytes: [length, length] })
export const bytesUpTo = (max: number): Schema => ({ bytes: [0, max] })
export const list = (item: Schema, min: number, max: number): Schema => ({
  list: item,
  length: [min, max],
})
export const map = (fields: Readonly<Record<string, Schema>>): Schema => ({ map: fields })
export const nullable = (schema: Schema): Schema => ({ nullable: schema })
export const optional = (schema: Schema, example: unknown): Schema => ({
  optional: schema,
  example,
})
export const variants = (
  by: string,
  of: Readonly<Record<string, Readonly<Record<string, Schema>>>>,
) => ({
  by,
  variants: Object.fromEntries(
    Object.entries(of).map(([name, fields]) => [name, map({ [by]: { enum: [name] }, ...fields })]),
  ),
})

export const signature = map({ signer: 'peer', role: { enum: ROLES }, signature: bytes(64) })
export const signed = map({ bytes: bytesUpTo(8192), signatures: list(signature, 0, 2) })
export const residency = map({
  allow: list('region', 0, 64),
  minLevel: int(0, 4),
  evidence: optional(list({ enum: EVIDENCE_KINDS }, 1, EVIDENCE_KINDS.length), ['operator']),
})
export const peers = { consumer: 'peer', provider: 'peer' } as const
