import { isCountryCode } from '@hanse/protocol'

/** As a person writes it, in English: `Germany`. */
export function countryName(code: string): string {
  return new Intl.DisplayNames(['en'], { type: 'region' }).of(code) ?? code
}

/** Every country code in use, in the order of the names. */
export function countryCodes(): string[] {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.split('')
  return letters
    .flatMap((first) => letters.map((second) => first + second))
    .filter(isCountryCode)
    .sort((a, b) => countryName(a).localeCompare(countryName(b), 'en'))
}

/** The country whose clocks this machine follows; `undefined` when several share them, or none. */
export function countryOfTimeZone(
  timeZone: string = Intl.DateTimeFormat().resolvedOptions().timeZone,
): string | undefined {
  const [found, second] = countryCodes().filter((code) => zonesOf(code).includes(timeZone))
  return second === undefined ? found : undefined
}

/** The types of this TypeScript do not know the method yet (ECMA-402, Intl Locale Info). */
function zonesOf(code: string): readonly string[] {
  const locale: Intl.Locale & { getTimeZones?(): string[] | undefined } = new Intl.Locale(
    `und-${code}`,
  )
  return locale.getTimeZones?.() ?? []
}
