import type { Outcome } from './run-market.ts'

/** Medians over seeds of what a strategy came to. */
export interface Summary {
  readonly strategy: string
  readonly seeds: number
  readonly costPerThousand: number
  readonly failedShare: number
  readonly ordersPerRequest: number
  readonly hedgedShare: number
  readonly firstTokenP50: number
  readonly firstTokenP95: number
  readonly firstTokenP99: number
  readonly answerP50: number
  readonly answerP95: number
  readonly answerP99: number
}

export function summarize(outcomes: readonly Outcome[]): readonly Summary[] {
  const strategies = new Set(outcomes.map(({ strategy }) => strategy))
  return [...strategies].map((strategy) => {
    const own = outcomes.filter((outcome) => outcome.strategy === strategy)
    const of = (figure: (outcome: Outcome) => number) => median(own.map(figure))
    return {
      strategy,
      seeds: own.length,
      costPerThousand: of((outcome) => outcome.costPerThousand),
      failedShare: of(({ failed, requests }) => failed / requests),
      ordersPerRequest: of(({ orders, requests }) => orders / requests),
      hedgedShare: of(({ hedges, requests }) => hedges / requests),
      firstTokenP50: of((outcome) => outcome.firstTokenP50),
      firstTokenP95: of((outcome) => outcome.firstTokenP95),
      firstTokenP99: of((outcome) => outcome.firstTokenP99),
      answerP50: of((outcome) => outcome.answerP50),
      answerP95: of((outcome) => outcome.answerP95),
      answerP99: of((outcome) => outcome.answerP99),
    }
  })
}

/** For people: euros for a thousand requests, seconds, and shares. */
export function formatTable(summaries: readonly Summary[]): string {
  const head = [
    'strategy',
    'EUR/1000',
    'failed',
    'orders',
    'hedged',
    'first token p50',
    'p95',
    'p99 s',
    'answer p50',
    'p95',
    'p99 s',
  ]
  const seconds = (ms: number) => (ms / 1000).toFixed(1)
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`
  const rows = summaries.map((summary) => [
    summary.strategy,
    summary.costPerThousand.toFixed(3),
    percent(summary.failedShare),
    summary.ordersPerRequest.toFixed(2),
    percent(summary.hedgedShare),
    seconds(summary.firstTokenP50),
    seconds(summary.firstTokenP95),
    seconds(summary.firstTokenP99),
    seconds(summary.answerP50),
    seconds(summary.answerP95),
    seconds(summary.answerP99),
  ])
  const lines = [head, ...rows]
  const widths = head.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  '),
    )
    .join('\n')
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
