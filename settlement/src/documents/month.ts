/** A calendar month in UTC, `2026-10`. */
export type Month = string & { readonly unit: 'month' }

export interface Period {
  /** Half open, milliseconds since 1970. */
  readonly from: number
  readonly to: number
}

const MONTH = /^20\d{2}-(?:0[1-9]|1[0-2])$/u
export const isMonth = (text: string): text is Month => MONTH.test(text)

export function periodOf(month: Month): Period {
  const [year = 0, number = 0] = month.split('-').map(Number)
  return { from: Date.UTC(year, number - 1), to: Date.UTC(year, number) }
}

/** The month that an instant is in. */
export const monthOf = (at: number): Month => new Date(at).toISOString().slice(0, 7) as Month

/** A booking that began before midnight is committed by then, and clocks of several processes agree. */
const GRACE_MS = 3_600_000

/** From when on a month may be closed, milliseconds since 1970. */
export const closableAt = (month: Month): number => periodOf(month).to + GRACE_MS

export const nextMonth = (month: Month): Month => monthOf(periodOf(month).to)
