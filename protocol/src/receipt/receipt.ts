import { z } from 'zod'
import type { PeerId } from '../identity/peer-id.ts'
import { amountOf, type PicoEuro, picoEuro } from '../money.ts'
import { amount, bytes, cid, counter, timestamp } from '../record/fields.ts'
import { defineRecord } from '../record/record.ts'
import type { Role } from '../record/signed.ts'
import { FINAL_REASONS } from '../session/reasons.ts'

/** What has been delivered so far: cumulative, linked to the receipt before; signed by provider and consumer. */
export const receipt = defineRecord('hanse.receipt.v1', {
  acceptance: cid,
  /** 0, then one more each time. */
  sequence: counter,
  previous: cid.nullable(),
  inputTokens: counter,
  /** Those of the input tokens that came from a prefix cache; priced like the others. */
  cachedInputTokens: counter,
  outputTokens: counter,
  /** inputTokens × inputPrice + outputTokens × outputPrice, pico-euro. */
  amount,
  /** Salted commitment to all payload bytes so far; see commitment.ts. */
  transcript: bytes(32),
  at: timestamp,
  final: z.enum(FINAL_REASONS).nullable(),
})
/** Receipts of one session: all of them fit into one bundle, whose manifest holds 4096 records. */
export const RECEIPTS_MAX = 4_000n

export type Receipt = ReturnType<typeof receipt.decode>

export const receiptSigners =
  (consumer: PeerId, provider: PeerId) => (): { signer: PeerId; role: Role }[] => [
    { signer: provider, role: 'provider' },
    { signer: consumer, role: 'consumer' },
  ]

/** What these tokens cost under an order, in pico-euro. */
export function priceTokens(
  prices: { readonly inputPrice: PicoEuro; readonly outputPrice: PicoEuro },
  tokens: { readonly inputTokens: bigint; readonly outputTokens: bigint },
): PicoEuro {
  return picoEuro(
    amountOf(tokens.inputTokens, prices.inputPrice) +
      amountOf(tokens.outputTokens, prices.outputPrice),
  )
}
