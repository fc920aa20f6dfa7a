import { z } from 'zod'
import { DOCUMENT_KINDS, type DocumentContent } from './document.ts'

const whole = z.codec(z.string().regex(/^-?\d{1,40}$/u), z.bigint(), {
  decode: BigInt,
  encode: String,
})
const text = z.string().nullable()
const party = z.strictObject({
  id: z.string(),
  name: z.string(),
  street: text,
  postalCode: text,
  city: text,
  country: text,
  vatId: text,
  taxNumber: text,
  registration: text,
  email: text,
})

const source = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('payment'), id: z.string(), reference: text }),
  z.strictObject({ type: z.literal('refund'), id: z.string(), reference: text }),
  z.strictObject({ type: z.literal('receipts'), model: z.string() }),
  z.strictObject({ type: z.literal('fees') }),
])

const line = z.strictObject({
  number: z.int().min(1),
  label: z.enum(['top-up', 'subscription', 'refund', 'usage', 'fee']),
  detail: text,
  sessions: z.int().nullable(),
  receipts: z.int().nullable(),
  exact: whole.nullable(),
  cents: whole,
  source,
})

const tax = z.strictObject({
  category: z.enum(['S', 'AE', 'E', 'O']),
  rateBps: z.int(),
  rule: z.string(),
  state: text,
  note: text,
  vatIdCheck: z.strictObject({ at: z.int(), consultation: text }).nullable(),
})

/** A document as it is stored: the reading of `canonicalJson`, and the shape of the HTTP API's JSON. */
export const documentSchema = z.strictObject({
  format: z.literal('hanse.document.v1'),
  number: z.string(),
  kind: z.enum(DOCUMENT_KINDS),
  subject: z.string(),
  currency: z.literal('EUR'),
  test: z.boolean(),
  seller: party,
  buyer: party,
  issuedAt: z.int(),
  taxPoint: z.int(),
  period: z.strictObject({ from: z.int(), to: z.int() }).nullable(),
  corrects: z.strictObject({ number: z.string(), issuedAt: z.int() }).nullable(),
  lines: z.array(line),
  tax: tax.nullable(),
  totals: z.strictObject({ netCents: whole, vatCents: whole, grossCents: whole }),
  paidCents: whole,
  carry: z.strictObject({ from: whole, to: whole }).nullable(),
  account: z
    .strictObject({
      opening: whole,
      movements: z.array(z.strictObject({ kind: z.string(), amount: whole })),
      closing: whole,
      heldBack: whole.nullable(),
      debt: whole,
    })
    .nullable(),
  advances: z.array(
    z.strictObject({ number: z.string(), kind: z.enum(DOCUMENT_KINDS), grossCents: whole }),
  ),
  selfBilling: z.strictObject({ terms: z.string(), agreedAt: z.int() }).nullable(),
})

/** @throws {ZodError} when the bytes are no document */
export const readDocument = (bytes: Uint8Array): DocumentContent =>
  documentSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
