import { locale, m } from '#lib/i18n.ts'
import { localDate } from '#lib/time.ts'
import type { Budget } from './queries.ts'

/** What a budget counts: "key ci", or the whole organization. */
export function scopeText(scope: Budget['scope']): string {
  const parts = [
    [m.of_team, scope.team],
    [m.of_key, scope.key],
    [m.of_model, scope.model],
    [m.of_tag, scope.tag],
  ] as const
  const named = parts.flatMap(([of, name]) => (name === undefined ? [] : [of({ name })]))
  return named.length === 0 ? m.of_all() : named.join(', ')
}

export function windowText(window: Budget['window']): string {
  switch (window.kind) {
    case 'day':
      return m.each_day()
    case 'week':
      return m.each_week()
    case 'month':
      return m.each_month()
    case 'rolling':
      return m.window_rolling({ days: String(window.days) })
    case 'fixed':
      return m.window_fixed({
        from: localDate(window.from, locale()),
        to: localDate(window.to, locale()),
      })
  }
}
