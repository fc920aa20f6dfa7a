import {
  acceptance,
  decodeCanonical,
  encodeCanonical,
  HanseError,
  type Order,
  order,
  type PicoEuro,
  picoEuro,
  receipt,
  type SignedRecord,
  signedFields,
  signedRecordSchema,
  spendAuthorization,
} from '@hanse/protocol'
import { z } from 'zod'

/** One session as a page keeps it. */
export interface KeptSession {
  readonly offer: SignedRecord
  readonly attestations: readonly SignedRecord[]
  readonly authorization: SignedRecord | null
  readonly rounds: readonly { readonly order: SignedRecord; readonly quote: SignedRecord }[]
  readonly order: SignedRecord
  /** What `order` says. */
  readonly value: Order
  acceptance: SignedRecord | null
  /** Doubly signed, in order of their sequence. */
  readonly receipts: SignedRecord[]
  /** Of the last receipt. */
  amount: PicoEuro
  readonly startedAt: number
  endedAt: number | null
  reason: string | null
}

export interface KeptAuthorization {
  readonly signed: SignedRecord
  readonly provider: string
  /** Milliseconds since 1970. */
  readonly notAfter: number
  /** By the last receipts of its sessions, forgotten ones too. */
  spent: PicoEuro
}

export interface Snapshot {
  readonly sessions: readonly KeptSession[]
  readonly authorizations: readonly KeptAuthorization[]
}

const TYPE = 'hanse.consumer-snapshot.v1'

const time = z.int().nonnegative()
const amount = z
  .union([z.bigint(), z.int()])
  .transform((value) => picoEuro(BigInt(value)))
  .refine((value) => value >= 0n)
const schema = z.strictObject({
  $type: z.literal(TYPE),
  sessions: z.array(
    z.strictObject({
      offer: signedRecordSchema,
      attestations: z.array(signedRecordSchema),
      authorization: signedRecordSchema.nullable(),
      rounds: z.array(z.strictObject({ order: signedRecordSchema, quote: signedRecordSchema })),
      order: signedRecordSchema,
      acceptance: signedRecordSchema.nullable(),
      receipts: z.array(signedRecordSchema),
      startedAt: time,
      endedAt: time.nullable(),
      reason: z.string().max(64).nullable(),
    }),
  ),
  authorizations: z.array(z.strictObject({ signed: signedRecordSchema, spent: amount })),
})

/** Canonical DAG-CBOR. */
export function encodeSnapshot({ sessions, authorizations }: Snapshot): Uint8Array {
  const fieldsOf = (record: SignedRecord | null) => (record === null ? null : signedFields(record))
  return encodeCanonical({
    $type: TYPE,
    sessions: sessions.map((kept) => ({
      offer: fieldsOf(kept.offer),
      attestations: kept.attestations.map(signedFields),
      authorization: fieldsOf(kept.authorization),
      rounds: kept.rounds.map((round) => ({
        order: fieldsOf(round.order),
        quote: fieldsOf(round.quote),
      })),
      order: fieldsOf(kept.order),
      acceptance: fieldsOf(kept.acceptance),
      receipts: kept.receipts.map(signedFields),
      startedAt: kept.startedAt,
      endedAt: kept.endedAt,
      reason: kept.reason,
    })),
    authorizations: authorizations.map(({ signed, spent }) => ({
      signed: fieldsOf(signed),
      spent,
    })),
  })
}

/**
 * Every record in it is of its type. Whether the signatures are good is for `verifyBundle`, as with what other stores hold.
 *
 * @throws {HanseError} HANSE_RECORD_*
 */
export function decodeSnapshot(bytes: Uint8Array): Snapshot {
  const parsed = schema.safeParse(decodeCanonical(bytes, bytes.byteLength))
  if (!parsed.success) throw new HanseError('HANSE_RECORD_FIELDS', 'not an export of a consumer')
  return {
    sessions: parsed.data.sessions.map((kept) => {
      if (kept.acceptance !== null) acceptance.decode(kept.acceptance.bytes)
      const amounts = kept.receipts.map((signed) => receipt.decode(signed.bytes).amount)
      return {
        ...kept,
        value: order.decode(kept.order.bytes),
        amount: amounts.at(-1) ?? picoEuro(0n),
      }
    }),
    authorizations: parsed.data.authorizations.map(({ signed, spent }) => {
      const { provider, notAfter } = spendAuthorization.decode(signed.bytes)
      return { signed, provider, notAfter, spent }
    }),
  }
}
