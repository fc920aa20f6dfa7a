import { picoEuro } from '@hanse/protocol'
import { z } from 'zod'
import type { KeyStatus } from '../gateway/gateway-control.ts'
import type { NewKey, VirtualKey } from '../gateway/keys/key-book.ts'
import { keyChangesSchema, keyTermsSchema } from '../gateway/keys/key-terms.ts'
import type { LedgerCheck } from '../gateway/keys/spend-ledger.ts'
import { BASES, type BasisState } from '../privacy/lawful-basis.ts'
import { maybe, TEXT_MAX } from './status-schema.ts'

/** A week, for a secret that was rotated to be replaced everywhere. */
export const GRACE_MS_MAX = 7 * 86_400_000
/** A key has a name of 64 characters at most, of up to two units each. */
const NAME_MAX = 128
/** Every basis that was ever stated, and every budget that is checked: more than a gateway has. */
const ITEMS_MAX = 20_000

const text = z.string().max(TEXT_MAX)
const name = z.string().max(NAME_MAX)
const time = z.number().int().nonnegative()
const amount = z
  .string()
  .regex(/^-?\d{1,40}$/u)
  .transform((digits) => picoEuro(BigInt(digits)))

/** What a gateway may be asked. */
export const gatewayRequests = [
  z.object({ method: z.literal('keys') }),
  z.object({ method: z.literal('key-create'), name, terms: keyChangesSchema }),
  z.object({
    method: z.literal('key-update'),
    key: name,
    changes: keyChangesSchema,
    name: maybe(name),
  }),
  z.object({
    method: z.literal('key-rotate'),
    key: name,
    graceMs: z.number().int().min(0).max(GRACE_MS_MAX),
  }),
  z.object({ method: z.literal('key-revoke'), key: name }),
  z.object({ method: z.literal('spend-check') }),
  z.object({ method: z.literal('basis') }),
  z.object({ method: z.literal('basis-give'), basis: z.enum(BASES), by: name }),
  z.object({ method: z.literal('basis-withdraw'), by: name }),
] as const

export interface GatewayValues {
  readonly keys: readonly KeyStatus[]
  readonly 'key-create': NewKey
  readonly 'key-update': VirtualKey
  readonly 'key-rotate': NewKey
  readonly 'key-revoke': VirtualKey
  readonly 'spend-check': readonly LedgerCheck[]
  readonly basis: BasisState
  readonly 'basis-give': BasisState
  readonly 'basis-withdraw': BasisState
}

const key = {
  id: text,
  name,
  hint: text,
  terms: keyTermsSchema,
  createdAt: time,
  revokedAt: maybe(time),
  lastUsedAt: maybe(time),
}
const newKey = z.object({ key: z.object(key), secret: text })
const keyStatus = z.object({
  ...key,
  state: z.enum(['active', 'disabled', 'expired', 'revoked']),
  spent: amount,
  reserved: amount,
  renewsAt: maybe(time),
})
const check = z.object({ key: maybe(text), counted: amount, derived: amount })
const record = z.object({
  purpose: text,
  basis: text,
  version: text,
  givenAt: time,
  givenBy: text,
  withdrawnAt: maybe(time),
  withdrawnBy: maybe(text),
})
const basis = z.object({
  standing: maybe(record),
  history: z.array(record).max(ITEMS_MAX),
  version: text,
})

export const gatewayValues = {
  keys: z.array(keyStatus).max(ITEMS_MAX),
  'key-create': newKey,
  'key-update': z.object(key),
  'key-rotate': newKey,
  'key-revoke': z.object(key),
  'spend-check': z.array(check).max(ITEMS_MAX),
  basis,
  'basis-give': basis,
  'basis-withdraw': basis,
} satisfies { [Method in keyof GatewayValues]: z.ZodType<GatewayValues[Method]> }
