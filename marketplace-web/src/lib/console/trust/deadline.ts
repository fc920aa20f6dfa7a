import { locale, m } from '#lib/i18n.ts'

const dayMs = 86_400_000
const hourMs = 3_600_000

/** What is left until then, or how long it is over. */
export function timeLeft(dueAt: number, now: number): string {
  const left = dueAt - now
  const span = spanOf(Math.abs(left))
  return left < 0 ? m.ops_overdue({ span }) : m.ops_left({ span })
}

function spanOf(ms: number): string {
  const days = ms >= 2 * dayMs
  return new Intl.NumberFormat(locale(), {
    style: 'unit',
    unit: days ? 'day' : 'hour',
    unitDisplay: 'long',
  }).format(Math.floor(ms / (days ? dayMs : hourMs)))
}

export const isEnded = (state: string): boolean => state === 'done' || state === 'refused'
export const requestHref = (id: string): string => `/console/rights/request?id=${id}`
export const breachHref = (id: string): string => `/console/breaches/breach?id=${id}`
