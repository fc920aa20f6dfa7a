import type { Locale } from './locale.ts'

/** How many digits after the point a number needs that is a whole of so many `places`. */
export function decimalsOf(value: bigint, places: number): number {
  let [rest, needed] = [value, places]
  while (needed > 0 && rest % 10n === 0n) {
    rest /= 10n
    needed--
  }
  return needed
}

/** The digits that all numbers of a column are shown with, so that their points stand in one line. */
export const columnDecimals = (
  values: readonly bigint[],
  places: number,
  least: number,
  most: number,
): number =>
  values.reduce(
    (digits, value) => Math.min(most, Math.max(digits, decimalsOf(value, places))),
    least,
  )

const formats = new Map<string, Intl.NumberFormat>()

/** A number that is a whole of `places`, with exactly so many digits after the point; rounded where it has more. */
export function aligned(
  value: bigint,
  places: number,
  digits: number,
  locale: Locale,
  style: Intl.NumberFormatOptions = {},
): string {
  const name = `${locale} ${digits} ${style.currency ?? ''}`
  const format =
    formats.get(name) ??
    new Intl.NumberFormat(locale, {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
      ...style,
    })
  formats.set(name, format)
  const text = value.toString().padStart(places + 1, '0')
  // Intl reads decimal text exactly; a number would lose digits.
  return format.format(`${text.slice(0, -places)}.${text.slice(-places)}` as `${number}`)
}
