import { add, type Decimal, decimal, format, subtract, ZERO } from './decimal.ts'
import { percentChange, roundAmount } from './round-amount.ts'
import type { WhatIfResult, WhatIfRow } from './what-if.ts'

export const WHAT_IF_GROUPS = ['day-model', 'day', 'model'] as const
export type WhatIfGroup = (typeof WHAT_IF_GROUPS)[number]

const COUNTS = ['sessions', 'inputTokens', 'cachedInputTokens', 'outputTokens'] as const

export interface WhatIfAnswerRow extends Record<(typeof COUNTS)[number], string> {
  readonly day: string | null
  readonly model: string | null
  readonly pricedAs: string | null
  readonly currency: string
  readonly cost: string
  readonly actual: string
}

/** As it leaves: every number a decimal text with all its digits, and what is rounded beside it. */
export interface WhatIfAnswer {
  readonly rows: readonly WhatIfAnswerRow[]
  readonly totals: readonly { currency: string; cost: string; rounded: string }[]
  /** What was paid for the same usage, euro. */
  readonly actual: string
  /** How much more it would have cost, where all of it is in euro. */
  readonly difference: { readonly amount: string; readonly percent: string | null } | null
  readonly leftOut: readonly { model: string; actual: string }[]
  /** Ids of the versions whose prices were used. */
  readonly versions: readonly string[]
}

export function answerWhatIf(result: WhatIfResult, group: WhatIfGroup): WhatIfAnswer {
  const { rows, totals, actual, leftOut } = result
  const groups = Map.groupBy(rows, (row) => JSON.stringify(keyOf(row, group)))
  return {
    rows: [...groups.values()].map((of) => summed(of, group)),
    totals: [...totals].map(([currency, cost]) => ({
      currency,
      cost: format(cost),
      rounded: format(roundAmount(cost, currency)),
    })),
    actual: format(actual),
    difference: differenceOf(result),
    leftOut: [...leftOut].map(([model, paid]) => ({ model, actual: format(paid) })),
    versions: [...new Set(rows.map(({ version }) => version))].map(String),
  }
}

function keyOf(row: WhatIfRow, group: WhatIfGroup): readonly (string | null)[] {
  const day = group === 'model' ? null : row.day
  const [model, pricedAs] = group === 'day' ? [null, null] : [row.model, row.pricedAs]
  return [day, model, pricedAs, row.currency]
}

function summed(rows: readonly WhatIfRow[], group: WhatIfGroup): WhatIfAnswerRow {
  const [first] = rows
  if (first === undefined) throw new Error('a group has a row')
  const [day = null, model = null, pricedAs = null] = keyOf(first, group)
  const count = (name: (typeof COUNTS)[number]) =>
    rows.reduce((sum, row) => sum + row[name], 0n).toString()
  const total = (name: 'cost' | 'actual') =>
    format(rows.reduce<Decimal>((sum, row) => add(sum, row[name]), ZERO))
  return {
    day,
    model,
    pricedAs,
    sessions: count('sessions'),
    inputTokens: count('inputTokens'),
    cachedInputTokens: count('cachedInputTokens'),
    outputTokens: count('outputTokens'),
    currency: first.currency,
    cost: total('cost'),
    actual: total('actual'),
  }
}

function differenceOf({ totals, actual }: WhatIfResult): WhatIfAnswer['difference'] {
  const cost = totals.get('EUR')
  if (cost === undefined || totals.size !== 1) return null
  const percent = percentChange(actual, cost)
  return {
    amount: format(subtract(cost, actual)),
    percent: percent && format(percent),
  }
}

/** Rates as they are sent. */
export const ratesOf = (
  rates: readonly { from: string; to: string; date: string; rate: string }[],
) => rates.map((one) => ({ ...one, rate: decimal(one.rate) }))
