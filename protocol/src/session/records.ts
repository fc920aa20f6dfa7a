import { z } from 'zod'
import { type ErrorCode, isErrorCode } from '../errors.ts'
import {
  amount,
  bytes,
  cid,
  counter,
  durationMs,
  modelId,
  peerId,
  smallInt,
  text,
  timestamp,
  word,
} from '../record/fields.ts'
import { defineRecord } from '../record/record.ts'
import { residencySchema } from '../region/policy.ts'

/** The first frame of a session: everything a receipt will be judged by; signed in the role `consumer`. */
export const order = defineRecord(
  'hanse.order.v1',
  {
    consumer: peerId,
    provider: peerId,
    offer: cid,
    model: modelId,
    maxInputTokens: counter,
    maxOutputTokens: counter,
    /** Pico-euro per token. */
    inputPrice: amount,
    outputPrice: amount,
    authorization: cid.nullable(),
    residency: residencySchema,
    /** Salted commitment to the request body; see commitment.ts. */
    promptCommitment: bytes(32),
    /** Output tokens between receipts. */
    receiptEvery: counter,
    /** The most that may ever be delivered and not countersigned, pico-euro. */
    creditWindow: amount,
    /** From the Acceptance to the final Receipt, on each side's own clock. */
    deadlineMs: durationMs,
    issuedAt: timestamp,
    notAfter: timestamp,
    nonce: bytes(16),
    /** The Quote that this order answers, if any. */
    quote: cid.nullable(),
    /** The order whose answer stopped in the middle and that this one goes on with, if any. */
    continues: cid.nullable(),
  },
  {
    check: (value) => {
      if (value.issuedAt >= value.notAfter) return 'notAfter is not after issuedAt'
      return value.receiptEvery > 0n ? undefined : 'receiptEvery is zero'
    },
  },
)
export type Order = ReturnType<typeof order.decode>
export const orderSigners = (value: Order) =>
  [{ signer: value.consumer, role: 'consumer' }] as const

/** What makes the provider's engine give the same bytes for the same request again. */
const determinism = z.strictObject({
  /** The program, its build and the device: another one may round differently. */
  engine: word(128),
  /** `sha256:…` of the weights. */
  digest: word(96),
  /** Of the sampler; see `seedOf`. */
  seed: smallInt(2 ** 32 - 1),
})
export type Determinism = z.output<typeof determinism>

/** The provider takes the order; signed in the role `provider`. */
export const acceptance = defineRecord('hanse.acceptance.v1', {
  order: cid,
  consumer: peerId,
  provider: peerId,
  /** The most input tokens that receipts will count: exact where the provider has the tokenizer. */
  inputTokens: counter,
  at: timestamp,
  /** Receipts of this session are dated no later. */
  notAfter: timestamp,
  /** `null` where the answer cannot be had again. */
  determinism: determinism.nullable(),
})
export type Acceptance = ReturnType<typeof acceptance.decode>
export const acceptanceSigners = (value: Acceptance) =>
  [{ signer: value.provider, role: 'provider' }] as const

/** Quotes in one session; who has not agreed by then will not. */
export const QUOTE_ROUNDS_MAX = 3

/** A counter-offer: the same order at other prices; signed in the role `provider`. */
export const quote = defineRecord('hanse.quote.v1', {
  order: cid,
  consumer: peerId,
  provider: peerId,
  inputPrice: amount,
  outputPrice: amount,
  /** Counted from 1. */
  round: z.int().min(1).max(QUOTE_ROUNDS_MAX),
  notAfter: timestamp,
})
export type Quote = ReturnType<typeof quote.decode>
export const quoteSigners = (value: Quote) =>
  [{ signer: value.provider, role: 'provider' }] as const

/** The provider declines the order; signed in the role `provider`. */
export const rejection = defineRecord('hanse.rejection.v1', {
  order: cid,
  consumer: peerId,
  provider: peerId,
  code: z.custom<ErrorCode>(isErrorCode, { error: 'not an error code' }),
  message: text(512),
  retryAfterMs: durationMs.nullable(),
  at: timestamp,
})
export type Rejection = ReturnType<typeof rejection.decode>
export const rejectionSigners = (value: Rejection) =>
  [{ signer: value.provider, role: 'provider' }] as const
