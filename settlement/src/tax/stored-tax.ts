import { z } from 'zod'
import type { Tax } from './tax-of.ts'

const cents = z.codec(z.string().regex(/^\d{1,30}$/u), z.bigint(), {
  decode: BigInt,
  encode: String,
})
const piece = z.object({
  kind: z.enum(['billing_address', 'card_country', 'ip_country', 'bank_country', 'operator']),
  country: z.string(),
  at: z.number(),
})

/** What of a decision a payment keeps, and its invoice says. */
const schema = z.object({
  rule: z.enum(['domestic', 'rc_eu', 'oss', 'export']),
  category: z.enum(['S', 'AE', 'O']),
  rateBps: z.int().min(0),
  state: z.string().nullable(),
  note: z.string().nullable(),
  netCents: cents,
  vatCents: cents,
  grossCents: cents,
  location: z.object({
    country: z.string(),
    proven: z.boolean(),
    contradicted: z.boolean(),
    matching: z.array(piece),
  }),
  vatIdCheck: z
    .object({
      vatId: z.string(),
      valid: z.boolean(),
      source: z.enum(['vies', 'operator']),
      at: z.number(),
      consultation: z.string().nullable(),
      name: z.string().nullable(),
      address: z.string().nullable(),
    })
    .nullable(),
})
export type StoredTax = z.output<typeof schema>

/** A decision as text, to be kept in the row of the payment that it was made for. */
export function writeTax({ evidence, ...tax }: Tax): string {
  const { location, vatIdCheck } = evidence
  const { place, proven, contradicted, matching } = location
  const where = { country: place.country, proven, contradicted, matching: [...matching] }
  return JSON.stringify(schema.encode({ ...tax, location: where, vatIdCheck }))
}

/** @throws {ZodError} when it is not what `writeTax` made */
export const readTax = (text: string): StoredTax => schema.parse(JSON.parse(text))
