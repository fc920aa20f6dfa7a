import { euroText, picoOf, type Row } from '@hanse/client'
import { table } from '../output.ts'
import { clean } from '../terminal-text.ts'
import { shortened, sumOf } from './decimals.ts'

/** What a day, a model or whatever was asked for came to. */
export interface CostLine {
  readonly key: string
  readonly requests: bigint
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  /** Exact decimals, each with its currency. */
  readonly costs: readonly { readonly currency: string; readonly amount: string }[]
  /** Requests that no price is known for. */
  readonly unrated: bigint
}

export const lineOfSpend = ({ key, costs, unrated, ...row }: Row<'/v1/spend'>): CostLine => ({
  key,
  requests: BigInt(row.requests),
  inputTokens: BigInt(row.inputTokens),
  outputTokens: BigInt(row.outputTokens),
  costs,
  unrated: BigInt(unrated.requests),
})

export const lineOfUsage = ({ key, sessions, amount, ...row }: Row<'/v1/usage'>): CostLine => ({
  key,
  requests: BigInt(sessions),
  inputTokens: BigInt(row.inputTokens),
  outputTokens: BigInt(row.outputTokens),
  costs: [{ currency: 'EUR', amount: euroText(picoOf(amount)) }],
  unrated: 0n,
})

/** For people, with the sum of all at the end where it means something. */
export function costLines(by: string, lines: readonly CostLine[]): string[] {
  if (lines.length === 0) return ['nothing was used in this time']
  const rows = lines.map((line) => cells(line.key === '' ? '(none)' : clean(line.key), line))
  // What has several tags counts under each of them: their sum is of nothing.
  const total = by === 'tag' ? [] : [cells('total', totalOf(lines))]
  const unrated = lines.reduce((sum, line) => sum + line.unrated, 0n)
  const head = [by.toUpperCase(), 'REQUESTS', 'INPUT', 'OUTPUT', 'COST']
  return [
    ...table([head, ...rows, ...total]).split('\n'),
    ...(unrated === 0n ? [] : [`without a price: ${unrated} requests, which are not in the costs`]),
  ]
}

const cells = (
  name: string,
  { requests, inputTokens, outputTokens, costs }: CostLine,
): string[] => [
  name,
  String(requests),
  String(inputTokens),
  String(outputTokens),
  byCurrency(costs)
    .map(({ currency, amount }) => `${shortened(amount)} ${clean(currency)}`)
    .join(' + '),
]

function totalOf(lines: readonly CostLine[]): CostLine {
  const sum = (of: (line: CostLine) => bigint) => lines.reduce((total, one) => total + of(one), 0n)
  return {
    key: 'total',
    requests: sum(({ requests }) => requests),
    inputTokens: sum(({ inputTokens }) => inputTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    costs: byCurrency(lines.flatMap(({ costs }) => costs)),
    unrated: sum(({ unrated }) => unrated),
  }
}

function byCurrency(costs: CostLine['costs']): CostLine['costs'] {
  const grouped = Map.groupBy(costs, ({ currency }) => currency)
  return [...grouped].map(([currency, same]) => ({
    currency,
    amount: sumOf(same.map(({ amount }) => amount)),
  }))
}
