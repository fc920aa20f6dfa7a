import { localeOf } from '#lib/locale.ts'
import { overwriteGetLocale } from './paraglide/runtime.js'

overwriteGetLocale(() => localeOf(location.pathname))
