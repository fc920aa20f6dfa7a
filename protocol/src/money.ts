import { HanseError } from './errors.ts'

/**
 * 10⁻¹² euro. A price in whole micro-euro per million tokens *is* pico-euro per token, so tokens × price is exact and
 * nothing is rounded before the Stripe boundary.
 */
export type PicoEuro = bigint & { readonly unit: 'pEUR' }

export const PICO_PER_EURO = 1_000_000_000_000n
export const PICO_PER_CENT = PICO_PER_EURO / 100n

export const picoEuro = (amount: bigint): PicoEuro => amount as PicoEuro

/** The cost of `tokens` at `price` pico-euro a token. @throws {RangeError} when `tokens` is negative. */
export function amountOf(tokens: bigint, price: PicoEuro): PicoEuro {
  if (tokens < 0n) throw new RangeError(`tokens: ${tokens}`)
  return (tokens * price) as PicoEuro
}

/** Whole cents in `amount` and what is left over, in pico-euro; the remainder stays in the ledger. */
export function splitCents(amount: PicoEuro): { cents: bigint; remainder: PicoEuro } {
  return { cents: amount / PICO_PER_CENT, remainder: (amount % PICO_PER_CENT) as PicoEuro }
}

/** Reads `"0.20 EUR/Mtok"` or `"0.20"` (euro per million tokens). @throws {HanseError} HANSE_PRICE_INVALID */
export function parsePrice(text: string): PicoEuro {
  const match = /^(\d{1,9})(?:\.(\d{1,6}))?(?:\s*EUR\s*\/\s*Mtok)?$/iu.exec(text.trim())
  if (match === null)
    throw new HanseError('HANSE_PRICE_INVALID', `not a price: ${text.slice(0, 40)}`)
  return picoEuro(BigInt(match[1] ?? '0') * 1_000_000n + BigInt((match[2] ?? '').padEnd(6, '0')))
}

/** Reads `"1.50 EUR"` or `"1.50"`, with up to twelve decimals. @throws {HanseError} HANSE_PRICE_INVALID */
export function parseEuro(text: string): PicoEuro {
  const match = /^(\d{1,9})(?:\.(\d{1,12}))?(?:\s*EUR)?$/iu.exec(text.trim())
  if (match === null)
    throw new HanseError('HANSE_PRICE_INVALID', `not an amount of euro: ${text.slice(0, 40)}`)
  return picoEuro(
    BigInt(match[1] ?? '0') * PICO_PER_EURO + BigInt((match[2] ?? '').padEnd(12, '0')),
  )
}

/** `"0.20 EUR/Mtok"`: at least two decimals, and never fewer than the exact value needs. */
export function formatPrice(price: PicoEuro): string {
  return `${decimal(price, 6)} EUR/Mtok`
}

/** `"0.0123 EUR"`: exact, at least two decimals. */
export function formatEuro(amount: PicoEuro): string {
  return `${decimal(amount, 12)} EUR`
}

function decimal(value: bigint, places: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(places + 1, '0')
  const fraction = digits.slice(-places).replace(/0+$/u, '').padEnd(2, '0')
  return `${value < 0n ? '-' : ''}${digits.slice(0, -places)}.${fraction}`
}
