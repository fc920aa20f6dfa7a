import { m } from '#lib/i18n.ts'

export const contentNames = {
  usage: m.content_usage,
  focus: m.content_focus,
  showback: m.content_showback,
}
export type Content = keyof typeof contentNames

export const everyNames = { day: m.window_day, week: m.window_week, month: m.window_month }
export type Every = keyof typeof everyNames

/** Shares of teams are of a month, and have a form of their own. */
export const formatsOf = (content: Content) =>
  content === 'showback' ? (['csv', 'json'] as const) : (['csv', 'jsonl'] as const)
