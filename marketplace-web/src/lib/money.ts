import type { Locale } from './locale.ts'

/**
 * Money as the network writes it: whole pico-euro (10^-12 EUR) in a bigint. A price in pico-euro
 * per token is the same number as micro-euro per million tokens, so nothing here ever rounds unless it says so.
 */
export type PicoEuro = bigint & { readonly unit: 'pEUR' }

export const picoEuro = (amount: bigint): PicoEuro => amount as PicoEuro

/** Longer strings are refused: 10^24 pEUR is a trillion euros, far above any price or bill. */
const digitsMax = 24
const wholeNumber = /^(?:0|[1-9][0-9]*)$/

const euroDigits = 12
const mtokDigits = 6
/** 0.000001 EUR: what is less is said to be less, and never shown as nothing. */
const leastShown = 10n ** 6n

/** Reads a decimal string of pico-euro; anything that is not canonical gives undefined. */
export function parsePicoEuro(text: unknown): PicoEuro | undefined {
  if (typeof text !== 'string' || text.length > digitsMax || !wholeNumber.test(text))
    return undefined
  return BigInt(text) as PicoEuro
}

/** A price per token as EUR per million tokens, exact, with two decimals or as many as it needs. */
export function formatPerMtok(price: PicoEuro, locale: Locale): string {
  return number(locale, 2, mtokDigits).format(decimal(price, mtokDigits))
}

/** The stored number itself, for who wants to check: "250,000,000 pEUR per token". */
export function exactPerToken(price: PicoEuro, locale: Locale): string {
  const whole = new Intl.NumberFormat(locale).format(price)
  return locale === 'de' ? `${whole} pEUR je Token` : `${whole} pEUR per token`
}

/**
 * An amount as people read it: two decimals from a euro up; below it as many as show what it is, six at most.
 * Rounded to the nearest; `exactEuro` is not.
 */
export function formatEuro(amount: PicoEuro, locale: Locale): string {
  const magnitude = absolute(amount)
  if (magnitude > 0n && magnitude < leastShown) {
    return `${amount < 0n ? '>\u00a0-' : '<\u00a0'}${currency(locale, 2, 6).format(decimal(leastShown, euroDigits))}`
  }
  const digits = magnitude === 0n || magnitude >= 10n ** 12n ? 2 : magnitude >= 10n ** 9n ? 4 : 6
  return currency(locale, 2, digits).format(decimal(amount, euroDigits))
}

/** All digits of an amount: "€0.007866990000" without the zeros at its end. */
export function exactEuro(amount: PicoEuro, locale: Locale): string {
  return currency(locale, 2, euroDigits).format(decimal(amount, euroDigits))
}

/** Cents, as payments and plans have them. */
export function formatCents(cents: bigint, locale: Locale): string {
  return currency(locale, cents % 100n === 0n ? 0 : 2, 2).format(decimal(cents, 2))
}

/** What `tokens` cost at a price. */
export function costOf(tokens: bigint, price: PicoEuro): PicoEuro {
  return (tokens * price) as PicoEuro
}

/** Reads what a person types as euro per million tokens: "0.25" or "0,25". */
export function parsePerMtok(text: string): PicoEuro | undefined {
  const match = /^(\d{1,6})(?:[.,](\d{1,6}))?$/u.exec(text.trim())
  if (match === null) return undefined
  const [, whole = '0', fraction = ''] = match
  return (BigInt(whole) * 10n ** 6n + BigInt(fraction.padEnd(mtokDigits, '0'))) as PicoEuro
}

export function lowest(prices: readonly PicoEuro[]): PicoEuro | undefined {
  return prices.reduce<PicoEuro | undefined>(
    (least, price) => (least === undefined || price < least ? price : least),
    undefined,
  )
}

const absolute = (value: bigint): bigint => (value < 0n ? -value : value)

/** Intl reads decimal text exactly; a number would lose digits. */
function decimal(value: bigint, places: number): `${number}` {
  const digits = absolute(value)
    .toString()
    .padStart(places + 1, '0')
  const sign = value < 0n ? '-' : ''
  return `${sign}${digits.slice(0, -places)}.${digits.slice(-places)}` as `${number}`
}

function number(locale: Locale, least: number, most: number): Intl.NumberFormat {
  return formatOf(`${locale} ${least} ${most}`, locale, least, most)
}

function currency(locale: Locale, least: number, most: number): Intl.NumberFormat {
  const style = { style: 'currency', currency: 'EUR' } as const
  return formatOf(`${locale} ${least} ${most} EUR`, locale, least, most, style)
}

/** To make a format takes a hundred times as long as to use it, and tables have thousands of amounts. */
const formats = new Map<string, Intl.NumberFormat>()

function formatOf(
  name: string,
  locale: Locale,
  minimumFractionDigits: number,
  maximumFractionDigits: number,
  style: Intl.NumberFormatOptions = {},
): Intl.NumberFormat {
  const options = { minimumFractionDigits, maximumFractionDigits, ...style }
  const made = formats.get(name) ?? new Intl.NumberFormat(locale, options)
  formats.set(name, made)
  return made
}
