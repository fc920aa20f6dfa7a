/** Requests that were answered, or given up. */
export interface Sample {
  /** When it was asked for, virtual ms. */
  readonly at: number
  readonly group: string
  readonly answered: boolean
  readonly firstMs: number
  readonly answerMs: number
  readonly stalledMs: number
  readonly outputTokens: number
  /** All that was paid for it, what was paid in vain among it; EUR. */
  readonly eur: number
  /** It was not asked for at all: the budget was used up. */
  readonly overBudget: boolean
}

/** The asked price of answers of those that are open, EUR a million tokens. */
export interface PriceSample {
  readonly at: number
  readonly p10: number
  readonly median: number
  readonly p90: number
  readonly open: number
}
