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

/** Prices of elsewhere are of any size; what nobody would charge is a mistake of a card. */
const decimalText = /^(\d{1,9})(?:\.(\d{1,12}))?$/u
const scale = 12
const mtok = 6

/** What a month costs at prices for a million tokens, in 10^-18 of the card's currency; exact. */
export function monthlyElsewhere(
  { inputTokens, outputTokens }: Usage,
  { input, output }: { readonly input: string; readonly output: string },
): bigint | undefined {
  const [read, written] = [unitsOf(input), unitsOf(output)]
  if (read === undefined || written === undefined) return undefined
  return inputTokens * read + outputTokens * written
}

/** 10^-12 of a currency for a million tokens: 10^-18 for one. */
function unitsOf(text: string): bigint | undefined {
  const [matched, whole = '0', fraction = ''] = decimalText.exec(text) ?? []
  if (matched === undefined) return undefined
  return BigInt(whole + fraction.padEnd(scale, '0'))
}

/** As people read money of another currency: rounded to its cents, which `Intl` does. */
export function foreignText(amount: bigint, currency: string, locale: string): string {
  const digits = amount.toString().padStart(scale + mtok + 1, '0')
  const text = `${digits.slice(0, -(scale + mtok))}.${digits.slice(-(scale + mtok))}`
  return new Intl.NumberFormat(locale, { style: 'currency', currency }).format(text as never)
}

/** Reads what a person types as the price of another currency in euro: "0.92". */
export function parseRate(text: string): bigint | undefined {
  const match = /^(\d{1,4})(?:[.,](\d{1,6}))?$/u.exec(text.trim())
  if (match === null) return undefined
  const units = BigInt((match[1] ?? '0') + (match[2] ?? '').padEnd(mtok, '0'))
  return units > 0n ? units : undefined
}

/** In pico-euro, what is less left out. @param rate millionths of a euro for one unit of the currency */
export const inEuro = (amount: bigint, rate: bigint): PicoEuro =>
  picoEuro((amount * rate) / 10n ** BigInt(2 * mtok))

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
