import { locale, m } from '#lib/i18n.ts'
import { localDate } from '#lib/time.ts'
import type { Budget } from './queries.ts'

/** What a budget counts: "Key ci", or everything. */
export function scopeText(scope: Budget['scope']): string {
  const parts = [
    [m.scope_key(), scope.key],
    [m.scope_model(), scope.model],
    [m.scope_tag(), scope.tag],
    [m.scope_team(), scope.team],
  ] as const
  const named = parts.flatMap(([what, value]) => (value === undefined ? [] : [`${what}: ${value}`]))
  return named.length === 0 ? m.scope_all() : named.join(', ')
}

export function windowText(window: Budget['window']): string {
  switch (window.kind) {
    case 'day':
      return m.window_day()
    case 'week':
      return m.window_week()
    case 'month':
      return m.window_month()
    case 'rolling':
      return m.window_rolling({ days: String(window.days) })
    case 'fixed':
      return m.window_fixed({
        from: localDate(window.from, locale()),
        to: localDate(window.to, locale()),
      })
  }
}
