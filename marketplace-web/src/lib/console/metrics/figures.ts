import type { Locale } from '#lib/locale.ts'

/** "1,204"; below ten, where a rate is no whole number, "0.3". */
export const whole = (value: number, locale: Locale): string =>
  new Intl.NumberFormat(locale, { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value)

/** "0.4 %" */
export const share = (part: number, of: number, locale: Locale): string =>
  new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 }).format(
    of === 0 ? 0 : part / of,
  )

/** "12 ms", "1.4 s" */
export function duration(ms: number | null, locale: Locale): string | undefined {
  if (ms === null) return undefined
  const unit = ms < 1000 ? 'millisecond' : 'second'
  const value = ms < 1000 ? ms : ms / 1000
  const digits = value < 10 ? 1 : 0
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit,
    maximumFractionDigits: digits,
  }).format(value)
}
