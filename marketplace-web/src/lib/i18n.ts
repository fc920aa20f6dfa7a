import { m } from '../paraglide/messages.js'
import { getLocale } from '../paraglide/runtime.js'
import { type Locale, localized } from './locale.ts'

export { m }

/** The language of the page that is shown or made. */
export const locale = (): Locale => getLocale() as Locale

/** A link to a page in the language of this one. */
export const to = (path: string): string => localized(path, locale())
