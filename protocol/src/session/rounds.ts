import type { PicoEuro } from '../money.ts'
import type { Named } from '../record/record.ts'
import type { SignedRecord } from '../record/signed.ts'
import { bytesEqual, encodeCanonical } from '../wire.ts'
import type { Order, Quote } from './records.ts'

/** Pico-euro per token. */
export interface Prices {
  readonly inputPrice: PicoEuro
  readonly outputPrice: PicoEuro
}

/** An order that was answered with a quote. */
export interface Round {
  readonly order: Named<Order> & SignedRecord
  readonly quote: Named<Quote> & SignedRecord
}

/** What an order that answers a quote may change of the order before it. */
const NEGOTIABLE = {
  inputPrice: true,
  outputPrice: true,
  // A dearer order may need another authorization, and a wider window for its prompt.
  authorization: true,
  creditWindow: true,
  // What the client has waited is gone.
  deadlineMs: true,
  issuedAt: true,
  notAfter: true,
  nonce: true,
  quote: true,
} as const satisfies Partial<Record<keyof Order, true>>

/** Why `next` is no answer to `asked`, which answered `before`; `undefined` when it is. */
export function reorderFault(before: Order, asked: Named<Quote>, next: Order): string | undefined {
  if (next.quote?.equals(asked.cid) !== true) return 'the order does not cite the quote'
  if (bytesEqual(next.nonce, before.nonce)) return 'the order has the nonce of the one before'
  const changed = Object.keys(before)
    .filter((key) => !Object.hasOwn(NEGOTIABLE, key))
    .find((key) => !isSame(before[key as keyof Order], next[key as keyof Order]))
  return changed === undefined ? undefined : `the order changes ${changed}`
}

function isSame(a: unknown, b: unknown): boolean {
  return bytesEqual(encodeCanonical(a), encodeCanonical(b))
}

/** Whether an order pays what a quote asks. */
export function isAtQuote(next: Prices, asked: Prices): boolean {
  return next.inputPrice >= asked.inputPrice && next.outputPrice >= asked.outputPrice
}
