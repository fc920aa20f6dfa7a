import {
  add,
  compare,
  type Decimal,
  decimal,
  decimalOf,
  format,
  subtract,
  sum,
  ZERO,
} from '../../costs/decimal.ts'
import type { SpendRow } from '../spend.ts'
import type { Bill, BillLine } from './bill.ts'
import { percentOf } from './percent.ts'

/**
 * `matched`: as much was metered, but for how the bill is rounded. `difference`: another amount was. `not-metered`: billed,
 * and nothing is known of it. `not-billed`: metered, and not on the bill.
 */
export type ComparedStatus = 'matched' | 'difference' | 'not-metered' | 'not-billed'
export type DecisionState = 'open' | 'explained' | 'accepted'

/** What somebody said about a difference. */
export interface Decision {
  readonly model: string
  readonly state: DecisionState
  readonly reason: string
  /** How far apart they were then. */
  readonly difference: string
  readonly actor: string
  /** Milliseconds since 1970. */
  readonly at: number
}

export interface ComparedLine {
  readonly model: string
  /** The lines of the bill that it is about. */
  readonly lines: readonly BillLine[]
  readonly billed: string
  readonly metered: string
  /** Billed less metered. */
  readonly difference: string
  /** Of what is billed, to two decimals; null where nothing is. */
  readonly percent: string | null
  readonly status: ComparedStatus
  /** Usage was metered of which nobody knows the cost, or only in another currency: more was used than `metered` says. */
  readonly isPartial: boolean
  /** Null where nothing is to be decided. */
  readonly state: DecisionState | null
  readonly decision: Decision | null
}

export interface Comparison {
  readonly billed: string
  readonly metered: string
  readonly difference: string
  readonly percent: string | null
  /** Lines that wait for a decision. */
  readonly open: number
  readonly lines: readonly ComparedLine[]
}

/**
 * Compares model by model: a bill has several lines for one, and usage is not metered by them.
 *
 * @param metered a row for each model, in lower case
 * @param decisions oldest first
 */
export function compareBill(
  bill: Pick<Bill, 'currency' | 'lines'>,
  metered: readonly SpendRow[],
  decisions: readonly Decision[],
): Comparison {
  const usage = new Map(metered.map((row) => [row.key, row]))
  const models = new Set([...bill.lines.map(({ model }) => model), ...usage.keys()])
  const lines = [...models].sort().map((model) => {
    const own = bill.lines.filter((line) => line.model === model)
    const last = decisions.findLast((decision) => decision.model === model)
    return compareModel(model, own, usage.get(model), bill.currency, last)
  })
  const billed = sum(lines.map((line) => decimal(line.billed)))
  const total = sum(lines.map((line) => decimal(line.metered)))
  const difference = subtract(billed, total)
  return {
    billed: format(billed),
    metered: format(total),
    difference: format(difference),
    percent: percentOf(difference, billed) ?? null,
    open: lines.filter(({ state }) => state === 'open').length,
    lines,
  }
}

function compareModel(
  model: string,
  lines: readonly BillLine[],
  usage: SpendRow | undefined,
  currency: string,
  last: Decision | undefined,
): ComparedLine {
  const billed = sum(lines.map(({ amount }) => decimal(amount)))
  const metered = sum(
    (usage?.costs ?? [])
      .filter((cost) => cost.currency === currency)
      .map(({ amount }) => decimal(amount)),
  )
  const isPartial = usage !== undefined && isIncomplete(usage, currency)
  const difference = subtract(billed, metered)
  const status = statusOf(lines, usage, difference, isPartial)
  return {
    model,
    lines,
    billed: format(billed),
    metered: format(metered),
    difference: format(difference),
    percent: percentOf(difference, billed) ?? null,
    status,
    isPartial,
    ...decided(status, format(difference), last),
  }
}

function statusOf(
  lines: readonly BillLine[],
  usage: SpendRow | undefined,
  difference: Decimal,
  isPartial: boolean,
): ComparedStatus {
  if (lines.length === 0) return 'not-billed'
  if (usage === undefined) return 'not-metered'
  const size = difference.units < 0n ? subtract(ZERO, difference) : difference
  return !isPartial && compare(size, roundingOf(lines)) <= 0 ? 'matched' : 'difference'
}

/** As much as rounding each line can make: half of its last decimal. */
const roundingOf = (lines: readonly BillLine[]): Decimal =>
  lines
    .map(({ amount }) => decimalOf(5n, (amount.split('.')[1]?.length ?? 0) + 1))
    .reduce(add, ZERO)

const isIncomplete = ({ unrated, costs }: SpendRow, currency: string): boolean =>
  unrated.models.length > 0 || costs.some((cost) => cost.currency !== currency)

/** A difference that is another one than was decided on is open again. */
function decided(
  status: ComparedStatus,
  difference: string,
  last: Decision | undefined,
): Pick<ComparedLine, 'state' | 'decision'> {
  if (status === 'matched') return { state: null, decision: last ?? null }
  const holds = last !== undefined && last.difference === difference
  return { state: holds ? last.state : 'open', decision: last ?? null }
}
