import { isPeerId, type PeerId, type PicoEuro, picoEuro, type SignedRecord } from '@hanse/protocol'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { TimeCursor } from '../db/time-cursor.ts'
import { SettlementError } from '../errors.ts'

// Money in JSON is a decimal string: pico-euro, or whole cents where the name says so.

/** 10²⁵ euro: far above anything real. */
const DIGITS_MAX = 37

export const peerId = z
  .string()
  .max(64)
  .refine(isPeerId, { error: 'not an Ed25519 peer id' })
  .transform((value) => value as PeerId)

export const amount = z
  .string()
  .regex(new RegExp(`^[1-9]\\d{0,${DIGITS_MAX - 1}}$`, 'u'), { error: 'not whole pico-euro' })
  .transform((digits): PicoEuro => picoEuro(BigInt(digits)))

/** Stripe's largest amount has eight digits. */
export const cents = z
  .union([z.string().regex(/^[1-9]\d{0,7}$/u), z.int().min(1).max(99_999_999)])
  .transform(BigInt)

const HOUR_MS = 3_600_000

/** The beginning of an hour in UTC, as milliseconds since 1970. */
export const wholeHour = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .refine((at) => at % HOUR_MS === 0, { error: 'not a whole hour' })

/** A bigint that leaves as decimal digits. */
export const money = z.codec(z.string(), z.bigint(), { decode: BigInt, encode: String })

/** Base64 of the bytes that were signed, with the signatures beside them. */
export const signedJson = z.object({
  bytes: z.string(),
  signatures: z.array(z.object({ signer: z.string(), role: z.string(), signature: z.string() })),
})

export function toSignedJson({ bytes, signatures }: SignedRecord): z.output<typeof signedJson> {
  return {
    bytes: base64(bytes),
    signatures: signatures.map(({ signer, role, signature }) => ({
      signer,
      role,
      signature: base64(signature),
    })),
  }
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')

/** Stripe keeps keys of 255 characters; ours are no longer. */
const KEY_MAX = 255
export const idempotencyKey = z.string().min(1).max(KEY_MAX)

/** For everything that moves money. @throws {SettlementError} HANSE_IDEMPOTENCY_KEY */
export function requiredKey({ headers }: FastifyRequest): string {
  const key = idempotencyKey.safeParse(headers['idempotency-key'])
  if (key.success) return key.data
  throw new SettlementError('HANSE_IDEMPOTENCY_KEY', 'the header idempotency-key is missing')
}

/** Where Stripe sends a person back to. Browsers take 2000 characters. */
export const pageUrl = z.url({ protocol: /^https?$/u }).max(2000)

const PAGE_MAX = 500
const limit = z.coerce.number().int().min(1).max(PAGE_MAX).default(100)

/** A number that rows are counted by. */
export const counterCursor = z
  .string()
  .regex(/^\d{1,18}$/u)
  .transform(BigInt)
export const counterPage = z.strictObject({ limit, before: counterCursor.optional() })

/** Pages of what is ordered by time, newest first; `before` is the `next` of the page before. */
export const timePage = z.strictObject({
  limit,
  before: z
    .string()
    .regex(/^\d{1,15}\.[\w:-]{1,200}$/u)
    .transform((text): TimeCursor => {
      const dot = text.indexOf('.')
      return { at: Number(text.slice(0, dot)), id: text.slice(dot + 1) }
    })
    .optional(),
})

/** The cursor after a full page's last row. */
export const nextOf = (at: number | undefined, id: string | undefined): string | null =>
  at === undefined || id === undefined ? null : `${at}.${id}`
