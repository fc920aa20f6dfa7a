import { HanseError, type PicoEuro, picoEuro } from '@hanse/protocol'
import type { SpendRow, SpendStore } from '../../store/spend-store.ts'
import { monthOf } from '../../store/spend-store.ts'
import { spanOf } from '../keys/period.ts'

export const SPEND_BY = ['key', 'model', 'provider', 'tag', 'day'] as const
export type SpendBy = (typeof SPEND_BY)[number]

export interface SpendQuery {
  readonly by: SpendBy
  /** From this time to before that one, ms since 1970; `to` may be Infinity. */
  readonly from: number
  readonly to: number
  /** Id of the key that it is about; all, when absent. */
  readonly key?: string | undefined
}

export interface SpendSum {
  readonly sessions: number
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  /** By the last receipts that both sides signed. */
  readonly amount: PicoEuro
}

export interface SpendGroup extends SpendSum {
  /** Name of the key, the model, peer id, tag, or day in UTC; `(none)` and `(forgotten)` where there is none, or no more. */
  readonly group: string
}

export interface SpendReport {
  readonly by: SpendBy
  readonly from: number
  readonly to: number
  /** Most expensive first; days in their order. A session with several tags is in several groups. */
  readonly groups: readonly SpendGroup[]
  /** Of every session once. */
  readonly total: SpendSum
  /** Months of which it is no longer known which part of the key’s spend is within the query: left out. */
  readonly leftOut: readonly string[]
}

export const NONE = '(none)'
export const FORGOTTEN = '(forgotten)'
const OTHERS = '(others)'
/** Tags come from clients, and there is no end to what they may think of. */
const GROUPS_MAX = 10_000
const NOTHING: SpendSum = {
  sessions: 0,
  inputTokens: 0n,
  outputTokens: 0n,
  amount: picoEuro(0n),
}

/** What was spent, by receipts alone. @param nameOf the name of a key */
export async function reportSpend(
  store: Pick<SpendStore, 'rows' | 'totals'>,
  query: SpendQuery,
  nameOf: (key: string) => string,
): Promise<SpendReport> {
  const { by, from, to, key } = query
  const draft = new Draft()
  const isWhole = (month: string) => isWithin(month, query)
  for await (const row of store.rows(from, to)) {
    if (key !== undefined && row.key !== key) continue
    // Totals of whole months say whose it was; the row does not any more.
    if (by === 'key' && row.key === '' && isWhole(monthOf(row.at))) continue
    draft.add(groupsOf(row, by, nameOf), { ...row, sessions: 1, amount: picoEuro(row.amount) })
  }
  const leftOut: string[] = []
  if (by === 'key' || key !== undefined) {
    for (const total of store.totals(key)) {
      const { month } = total
      const group = by === 'key' ? nameOf(total.key) : by === 'day' ? month : FORGOTTEN
      if (isWhole(month)) draft.add([group], { ...total, amount: picoEuro(total.amount) })
      else if (key !== undefined && overlaps(month, query)) leftOut.push(month)
    }
  }
  return { by, from, to, ...draft.finish(by), leftOut }
}

class Draft {
  readonly #groups = new Map<string, SpendSum>()
  #total = NOTHING

  add(groups: readonly string[], sum: SpendSum): void {
    this.#total = plus(this.#total, sum)
    for (const each of groups) {
      const group = this.#groups.has(each) || this.#groups.size < GROUPS_MAX ? each : OTHERS
      this.#groups.set(group, plus(this.#groups.get(group) ?? NOTHING, sum))
    }
  }

  finish(by: SpendBy): Pick<SpendReport, 'groups' | 'total'> {
    const groups = [...this.#groups].map(([group, sum]) => ({ group, ...sum }))
    groups.sort((a, b) =>
      by === 'day' || a.amount === b.amount
        ? compare(a.group, b.group)
        : compare(b.amount, a.amount),
    )
    return { groups, total: this.#total }
  }
}

function groupsOf(row: SpendRow, by: SpendBy, nameOf: (key: string) => string): readonly string[] {
  if (by === 'key') return [row.key === '' ? FORGOTTEN : nameOf(row.key)]
  if (by === 'day') return [new Date(row.at).toISOString().slice(0, 10)]
  if (by !== 'tag') return [row[by]]
  if (row.key === '') return [FORGOTTEN]
  return row.tags.length === 0 ? [NONE] : [...new Set(row.tags)]
}

function plus(a: SpendSum, b: SpendSum): SpendSum {
  return {
    sessions: a.sessions + b.sessions,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    amount: picoEuro(a.amount + b.amount),
  }
}

function compare(a: bigint | string, b: bigint | string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function isWithin(month: string, { from, to }: SpendQuery): boolean {
  const span = spanOfMonth(month)
  return span.from >= from && span.to <= to
}

function overlaps(month: string, { from, to }: SpendQuery): boolean {
  const span = spanOfMonth(month)
  return span.from < to && span.to > from
}

function spanOfMonth(month: string): { from: number; to: number } {
  return spanOf('month', Date.parse(`${month}-01T00:00:00Z`))
}

const DAY = /^\d{4}-\d\d-\d\d$/u
const DAY_MS = 86_400_000

/**
 * Reads the time that a report is about: days in UTC, the last one included, or exact times. Without them it is about the
 * month that `now` lies in.
 *
 * @throws {HanseError} HANSE_REQUEST_INVALID
 */
export function readTimes(
  from: string | undefined,
  to: string | undefined,
  now: number,
): Pick<SpendQuery, 'from' | 'to'> {
  const times = {
    from: from === undefined ? spanOf('month', now).from : timeOf('from', from),
    to: to === undefined ? Infinity : timeOf('to', to) + (DAY.test(to) ? DAY_MS : 0),
  }
  if (times.from < times.to) return times
  throw new HanseError('HANSE_REQUEST_INVALID', 'from: must lie before to')
}

function timeOf(field: string, text: string): number {
  const time = Date.parse(text)
  if (/^\d{4}-/u.test(text) && Number.isFinite(time)) return time
  throw new HanseError(
    'HANSE_REQUEST_INVALID',
    `${field}: must be a day such as 2026-11-21, or a time such as 2026-11-21T08:00:00Z`,
  )
}

/** @throws {HanseError} HANSE_REQUEST_INVALID */
export function readBy(text: string | undefined): SpendBy {
  const by = SPEND_BY.find((each) => each === (text ?? 'key'))
  if (by !== undefined) return by
  throw new HanseError('HANSE_REQUEST_INVALID', `by: must be one of ${SPEND_BY.join(', ')}`)
}
