// The language is part of the address: `/market` is English, `/de/market` German. So every page can be made in advance.
export const locales = ['en', 'de'] as const
export type Locale = (typeof locales)[number]
export const baseLocale: Locale = 'en'

const inPath = /^\/(de)(?=\/|$)/u

/** The language of an address's path. */
export function localeOf(path: string): Locale {
  return inPath.exec(path)?.[1] === 'de' ? 'de' : baseLocale
}

/** The path without a language: what the routes are named by. */
export function plainPath(path: string): string {
  const plain = path.replace(inPath, '')
  return plain === '' ? '/' : plain
}

/** The address of a plain path in a language; what follows `?` or `#` stays. */
export function localized(path: string, locale: Locale): string {
  if (locale === baseLocale) return path
  const rest = path.startsWith('/#') || path.startsWith('/?') ? path.slice(1) : path
  return rest === '/' ? `/${locale}` : `/${locale}${rest}`
}
