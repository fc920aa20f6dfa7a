import { costOf, type PicoEuro, picoEuro } from '#lib/money.ts'
import type { Offer } from '#lib/offer.ts'

export type Usage = { readonly inputTokens: bigint; readonly outputTokens: bigint }
export type Priced = { readonly offer: Offer; readonly cost: PicoEuro }

/** Above it a month of tokens is a typing error: a thousand million million. */
const millionsMax = 10n ** 9n

/** Reads what a person types as millions of tokens: "12", "0.5" or "1,5". */
export function parseMillions(text: string): bigint | undefined {
  const match = /^(\d{1,10})(?:[.,](\d{1,6}))?$/u.exec(text.trim())
  if (match === null) return undefined
  const [, whole = '0', fraction = ''] = match
  if (BigInt(whole) > millionsMax) return undefined
  return BigInt(whole) * 10n ** 6n + BigInt(fraction.padEnd(6, '0'))
}

/** What a month costs at each offer of a model, the cheapest first. */
export function priced(offers: readonly Offer[], model: string, usage: Usage): Priced[] {
  return offers
    .filter((offer) => offer.model === model)
    .map((offer) => ({ offer, cost: monthly(usage, offer) }))
    .toSorted((a, b) => (a.cost === b.cost ? 0 : a.cost < b.cost ? -1 : 1))
}

/** What a month costs at two prices per token. */
export function monthly(
  { inputTokens, outputTokens }: Usage,
  { inputPrice, outputPrice }: { readonly inputPrice: PicoEuro; readonly outputPrice: PicoEuro },
): PicoEuro {
  return picoEuro(costOf(inputTokens, inputPrice) + costOf(outputTokens, outputPrice))
}
