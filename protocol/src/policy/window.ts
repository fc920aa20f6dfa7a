import { z } from 'zod'
import { type CalendarDay, localTime, plusDays, startOfDay } from './local-time.ts'

/** Two leap years: what is longer is no budget that anybody looks at. */
const ROLLING_DAYS_MAX = 732
/** 9999-12-31, so that every time has four digits of year. */
const TIME_MAX = 253_402_214_400_000

/** When a budget begins anew. Days begin and end in the time zone of the organization. */
export const windowSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum(['day', 'week', 'month']) }),
  /** The last so many days of the calendar, today included. */
  z.strictObject({ kind: z.literal('rolling'), days: z.int().min(1).max(ROLLING_DAYS_MAX) }),
  /** Once, from one time to before another, milliseconds since 1970. */
  z
    .strictObject({
      kind: z.literal('fixed'),
      from: z.int().min(0).max(TIME_MAX),
      to: z.int().min(0).max(TIME_MAX),
    })
    .refine(({ from, to }) => from < to, { error: '`to` must be after `from`', path: ['to'] }),
])
export type BudgetWindow = z.output<typeof windowSchema>

/** From `from` to before `to`, milliseconds since 1970. */
export interface TimeSpan {
  readonly from: number
  readonly to: number
}

/** The window that `at` lies in; before and after a fixed one, that one. */
export function spanAt(window: BudgetWindow, timeZone: string, at: number): TimeSpan {
  if (window.kind === 'fixed') return { from: window.from, to: window.to }
  const today = localTime(at, timeZone)
  const [first, next] = daysOf(window, today)
  return { from: startOfDay(first, timeZone), to: startOfDay(next, timeZone) }
}

/** The window before it; `undefined` where windows do not follow one another. */
export function spanBefore(
  window: BudgetWindow,
  timeZone: string,
  { from }: TimeSpan,
): TimeSpan | undefined {
  if (window.kind === 'fixed' || window.kind === 'rolling') return undefined
  return spanAt(window, timeZone, from - 1)
}

function daysOf(
  window: Exclude<BudgetWindow, { kind: 'fixed' }>,
  today: CalendarDay & { weekday: number },
): [first: CalendarDay, next: CalendarDay] {
  switch (window.kind) {
    case 'day':
      return [today, plusDays(today, 1)]
    case 'week': {
      const monday = plusDays(today, -today.weekday)
      return [monday, plusDays(monday, 7)]
    }
    case 'month': {
      const first = { ...today, day: 1 }
      // Every month is over 32 days after its first.
      return [first, { ...plusDays(first, 32), day: 1 }]
    }
    case 'rolling':
      return [plusDays(today, 1 - window.days), plusDays(today, 1)]
  }
}
