import { AsyncLocalStorage } from 'node:async_hooks'
import type { Handle } from '@sveltejs/kit/hooks'
import { baseLocale, type Locale, localeOf } from '#lib/locale.ts'
import { overwriteGetLocale } from './paraglide/runtime.js'

const current = new AsyncLocalStorage<Locale>()
overwriteGetLocale(() => current.getStore() ?? baseLocale)

/** Runs when the pages are made: each in the language of its address. */
export const handle: Handle = ({ event, resolve }) => {
  const locale = localeOf(event.url.pathname)
  return current.run(locale, () =>
    resolve(event, {
      transformPageChunk: ({ html }) => html.replace('<html lang="en">', `<html lang="${locale}">`),
    }),
  )
}
