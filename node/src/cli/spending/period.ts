import { type Command, InvalidArgumentError, Option } from 'commander'
import { usage } from '../log-options.ts'

/** Whole days in UTC, such as `2026-11-01`; `to` is not included. */
export interface Period {
  readonly from: string
  readonly to: string
}

const DAY_MS = 86_400_000
const DAYS_MAX = 366

export const periodOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--period <period>', 'today, yesterday, month, last-month, 30d, or 2026-11')
        .default('month')
        .argParser(checked),
    )
    .option('--from <day>', 'such as 2026-11-01, instead of a period')
    .option('--to <day>', 'the day after the last (default: tomorrow)')

function checked(text: string): string {
  if (periodOf(text, 0) === undefined) {
    throw new InvalidArgumentError('today, yesterday, month, last-month, 30d, or 2026-11.')
  }
  return text
}

/** What the flags say. @throws {HanseError} HANSE_CONFIG_INVALID */
export function periodFrom(flags: Readonly<Record<string, unknown>>, now: number): Period {
  const { period, from, to } = flags
  if (from === undefined && to === undefined) {
    return periodOf(String(period), now) ?? { from: day(now), to: day(now + DAY_MS) }
  }
  const chosen = {
    from: typeof from === 'string' ? from : '',
    to: typeof to === 'string' ? to : day(now + DAY_MS),
  }
  const length = Date.parse(chosen.to) - Date.parse(chosen.from)
  const isDays = isDay(chosen.from) && isDay(chosen.to) && length > 0
  if (isDays && length <= DAYS_MAX * DAY_MS) return chosen
  throw usage('--from and --to: days such as 2026-11-01, a year apart at most')
}

function periodOf(text: string, now: number): Period | undefined {
  const date = new Date(now)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  const tomorrow = day(now + DAY_MS)
  if (text === 'today') return { from: day(now), to: tomorrow }
  if (text === 'yesterday') return { from: day(now - DAY_MS), to: day(now) }
  if (text === 'month') return { from: day(Date.UTC(year, month, 1)), to: tomorrow }
  if (text === 'last-month') return monthOf(year, month - 1)
  const [, days] = /^([1-9]\d{0,2})d$/u.exec(text) ?? []
  if (days !== undefined && Number(days) <= DAYS_MAX) {
    return { from: day(now - (Number(days) - 1) * DAY_MS), to: tomorrow }
  }
  const [, ofYear, ofMonth] = /^(\d{4})-(0[1-9]|1[0-2])$/u.exec(text) ?? []
  return ofYear === undefined ? undefined : monthOf(Number(ofYear), Number(ofMonth) - 1)
}

const monthOf = (year: number, month: number): Period => ({
  from: day(Date.UTC(year, month, 1)),
  to: day(Date.UTC(year, month + 1, 1)),
})

const day = (at: number): string => new Date(at).toISOString().slice(0, 10)

/** A day that there is: not the 31st of a month of thirty. */
const isDay = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/u.test(text) &&
  Number.isFinite(Date.parse(text)) &&
  day(Date.parse(text)) === text
