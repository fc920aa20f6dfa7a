/** What came of the sessions of one model, prompt version or tag. Money is pico-euro. */
export interface OutcomeSums {
  /** Sessions with a verdict. */
  readonly outcomes: number
  /** Of them, those that are settled here and whose cost is known. */
  readonly settled: number
  readonly good: number
  /** Of the settled ones that were good; the cost of a good outcome is reckoned with these alone. */
  readonly goodSettled: number
  /** Of the settled ones. */
  readonly cost: bigint
  /** What they were said to be worth. */
  readonly value: bigint
}

export interface Returns extends OutcomeSums {
  /** Cost of all settled sessions for each good one of them, rounded down; null without a good one. */
  readonly costPerGood: bigint | null
  /** Share of good outcomes, with its 95 % interval. */
  readonly share: number
  readonly shareLow: number
  readonly shareHigh: number
  /** Value less cost. */
  readonly profit: bigint
}

/** 97.5th percentile of the normal distribution. */
const Z = 1.959964

export function returnsOf(sums: OutcomeSums): Returns {
  const [shareLow, shareHigh] = wilson(sums.good, sums.outcomes)
  return {
    ...sums,
    costPerGood: sums.goodSettled === 0 ? null : sums.cost / BigInt(sums.goodSettled),
    share: sums.outcomes === 0 ? 0 : sums.good / sums.outcomes,
    shareLow,
    shareHigh,
    profit: sums.value - sums.cost,
  }
}

/**
 * The 95 % score interval of a share (Wilson 1927): it stays within 0 and 1, and says of three good ones out of three how
 * little that is.
 */
export function wilson(good: number, all: number): [low: number, high: number] {
  if (all === 0) return [0, 1]
  const share = good / all
  const width = 1 + Z ** 2 / all
  const middle = (share + Z ** 2 / (2 * all)) / width
  const half = (Z / width) * Math.sqrt((share * (1 - share)) / all + Z ** 2 / (4 * all ** 2))
  return [Math.max(0, middle - half), Math.min(1, middle + half)]
}

export interface Choice {
  readonly key: string
  /** Of a session, pico-euro. */
  readonly cost: bigint
  /** Share of good outcomes. */
  readonly share: number
}

/**
 * Those that nothing else beats: whoever is cheaper is worse, and whoever is better is dearer. Of two that are alike both
 * stay.
 *
 * @returns keys, from the cheapest to the best
 */
export function frontier(choices: readonly Choice[]): string[] {
  return choices
    .filter((one) => !choices.some((other) => beats(other, one)))
    .toSorted((a, b) => (a.cost === b.cost ? b.share - a.share : a.cost < b.cost ? -1 : 1))
    .map(({ key }) => key)
}

const beats = (a: Choice, b: Choice): boolean =>
  a.cost <= b.cost && a.share >= b.share && (a.cost < b.cost || a.share > b.share)
