import { add, type Decimal, decimal, format } from '../costs/decimal.ts'
import type { Rate } from './rate-port.ts'
import type { SpendCell } from './spend-query.ts'

/** What was spent under one key: amounts of different currencies are never added up. */
export interface SpendRow {
  readonly key: string
  readonly requests: bigint
  readonly inputTokens: bigint
  readonly cachedInputTokens: bigint
  readonly cacheWriteTokens: bigint
  readonly outputTokens: bigint
  readonly reasoningTokens: bigint
  readonly costs: readonly SpendCost[]
  /** Usage that no cost was reported for, and that no price table has: it costs something, and nobody knows what. */
  readonly unrated: {
    readonly requests: bigint
    readonly inputTokens: bigint
    readonly outputTokens: bigint
    /** The first twenty. */
    readonly models: readonly string[]
  }
}

export interface SpendCost {
  readonly currency: string
  /** `settled` with receipts, `reported` by whoever it was bought from, or `rated` by price tables. */
  readonly basis: 'settled' | 'reported' | 'rated'
  /** An exact decimal. */
  readonly amount: string
}

const MODELS_MAX = 20
const MEASURES = [
  'requests',
  'inputTokens',
  'cachedInputTokens',
  'cacheWriteTokens',
  'outputTokens',
  'reasoningTokens',
] as const

/** Rates what has no cost, and adds up what belongs to one key. Cells of one key follow each other. */
export function spendRows(cells: readonly SpendCell[], rate: Rate): SpendRow[] {
  const sums = new Map<string, Sum>()
  for (const cell of cells) {
    const sum = sums.get(cell.key) ?? new Sum()
    sums.set(cell.key, sum)
    sum.add(cell, rate)
  }
  return [...sums].map(([key, sum]) => sum.row(key))
}

class Sum {
  readonly #counts = new Map<(typeof MEASURES)[number], bigint>()
  readonly #costs = new Map<
    string,
    { basis: SpendCost['basis']; currency: string; total: Decimal }
  >()
  readonly #unrated = { requests: 0n, inputTokens: 0n, outputTokens: 0n }
  readonly #models = new Set<string>()

  add(cell: SpendCell, rate: Rate): void {
    for (const name of MEASURES) this.#counts.set(name, (this.#counts.get(name) ?? 0n) + cell[name])
    const cost = costOf(cell, rate)
    if (cost === undefined) this.#leaveUnrated(cell)
    else this.#addCost(cost)
  }

  #leaveUnrated({ requests, inputTokens, outputTokens, provider, model }: SpendCell): void {
    this.#unrated.requests += requests
    this.#unrated.inputTokens += inputTokens
    this.#unrated.outputTokens += outputTokens
    if (this.#models.size < MODELS_MAX) this.#models.add(`${provider}/${model}`)
  }

  #addCost({ basis, currency, amount }: SpendCost): void {
    const key = `${currency} ${basis}`
    const before = this.#costs.get(key)?.total
    const total = before === undefined ? decimal(amount) : add(before, decimal(amount))
    this.#costs.set(key, { basis, currency, total })
  }

  row(key: string): SpendRow {
    const count = (name: (typeof MEASURES)[number]): bigint => this.#counts.get(name) ?? 0n
    return {
      key,
      requests: count('requests'),
      inputTokens: count('inputTokens'),
      cachedInputTokens: count('cachedInputTokens'),
      cacheWriteTokens: count('cacheWriteTokens'),
      outputTokens: count('outputTokens'),
      reasoningTokens: count('reasoningTokens'),
      costs: [...this.#costs.values()]
        .map(({ basis, currency, total }) => ({ currency, basis, amount: format(total) }))
        .sort((a, b) => (`${a.currency} ${a.basis}` < `${b.currency} ${b.basis}` ? -1 : 1)),
      unrated: { ...this.#unrated, models: [...this.#models].sort() },
    }
  }
}

/** What a cell costs; `undefined` where nobody knows. */
export function costOf(cell: SpendCell, rate: Rate): SpendCost | undefined {
  const { basis, currency, amount } = cell
  if (basis !== 'unrated') return { basis, currency, amount }
  const rated = rate(cell)
  return rated === undefined ? undefined : { basis: 'rated', ...rated }
}
