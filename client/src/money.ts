/** Pico-euro, 10⁻¹² EUR: the unit of the API’s amounts, which it writes as strings of digits. */
export type PicoEuro = bigint

const PLACES = 12
const PICO_PER_EURO = 10n ** 12n
const PICO_PER_CENT = 10n ** 10n

/** An amount of an answer. @throws {SyntaxError} where it is no whole number */
export const picoOf = (digits: string): PicoEuro => BigInt(digits)

/** Cents of an answer, as pico-euro. @throws {SyntaxError} where it is no whole number */
export const picoOfCents = (digits: string): PicoEuro => BigInt(digits) * PICO_PER_CENT

/** What a person writes, such as `12`, `0.50` or `-3.000001`. @throws {RangeError} for anything else, and below 10⁻¹² */
export function parseEuro(text: string): PicoEuro {
  const [, sign, whole = '', fraction = ''] = /^(-?)(\d{1,25})(?:\.(\d{1,12}))?$/u.exec(text) ?? []
  if (sign === undefined) throw new RangeError(`not an amount in euro: ${text}`)
  const amount = BigInt(whole) * PICO_PER_EURO + BigInt(fraction.padEnd(PLACES, '0'))
  return sign === '-' ? -amount : amount
}

/** Exact, with a point and without trailing zeros: `12.5`. */
export function euroText(amount: PicoEuro): `${number}` {
  const isNegative = amount < 0n
  const size = isNegative ? -amount : amount
  const fraction = String(size % PICO_PER_EURO)
    .padStart(PLACES, '0')
    .replace(/0+$/u, '')
  const text = `${size / PICO_PER_EURO}${fraction === '' ? '' : `.${fraction}`}`
  return (isNegative ? `-${text}` : text) as `${number}`
}

/**
 * For people, rounded only here: `€12.50` or `12,50 €`. Small amounts keep digits that mean something.
 *
 * @param locale such as `de`; that of the environment when not given
 */
export function formatEuro(amount: PicoEuro, locale?: string): string {
  const size = amount < 0n ? -amount : amount
  const digits = size > 0n && size < PICO_PER_CENT ? { maximumSignificantDigits: 2 } : {}
  const options = { style: 'currency', currency: 'EUR', ...digits } as const
  return new Intl.NumberFormat(locale, options).format(euroText(amount))
}
